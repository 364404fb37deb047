package mprt

// Stats is what a connection has done since it began, and what it holds now.
// Counting it costs nothing that can be measured, so it is always on.
type Stats struct {
	CallsSent, CallsReceived       uint64 // also those that failed
	MessagesSent, MessagesReceived uint64 // of every kind, such as calls, returns and releases
	BytesSent, BytesReceived       uint64 // of messages, framing included
	// Takeovers is how often a method that was run by the goroutine that reads
	// the connection blocked it for a millisecond, so that another took over.
	Takeovers uint64

	// What follows goes up and down.

	Waiting int // calls sent that have not returned
	Serving int // calls received that have not returned
	Exports int // objects of this process that the peer holds
	Imports int // objects of the peer's process that this one holds
	Threads int // threads here that the peer knows: made for it, or its callers'
	Held    int // bytes that calls received and unfinished results take (see [WithMaxHeld])
	Unsent  int // bytes that the peer has not taken yet (see [WithMaxUnsent])
}

// Stats returns what the connection has done and holds. When it has ended, only
// the counters are left.
func (c *Conn) Stats() Stats {
	s := c.vat.Stats()
	return Stats{
		CallsSent:        s.Calls,
		CallsReceived:    s.Served,
		MessagesSent:     s.MessagesOut,
		MessagesReceived: s.MessagesIn,
		BytesSent:        s.BytesOut,
		BytesReceived:    s.BytesIn,
		Takeovers:        s.Takeovers,
		Waiting:          s.Questions,
		Serving:          s.Running,
		Exports:          s.Exports,
		Imports:          s.Imports,
		Threads:          int(c.threads.Load()),
		Held:             s.Held,
		Unsent:           s.Unsent,
	}
}
