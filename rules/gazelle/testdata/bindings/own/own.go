package own

type Own struct{}
