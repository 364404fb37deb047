package room

// Span is a range, by other names than the schema's.
type Span struct {
	From int32 `mp:"low"`
	To   int32 `mp:"high"`
}
