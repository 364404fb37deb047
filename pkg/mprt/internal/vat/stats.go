package vat

// Counters are what a connection has done since it began.
type Counters struct {
	Calls, Served           uint64 // calls sent and calls received
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	Takeovers               uint64 // calls that blocked the reader for a tick
}

// Stats are a connection's counters and what it holds, at one moment.
type Stats struct {
	Counters
	Questions int // sent, and not returned
	Running   int // calls received, and not returned
	Held      int // bytes that the peer's calls hold, see [Options.MaxHeld]
	Exports   int // objects here that the peer can call
	Imports   int // objects there that this side can call
	Unsent    int // bytes that the kernel has not taken
}

// Stats returns what the connection has done and holds.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Counters:  c.stats,
		Questions: c.questions.len(),
		Running:   c.running,
		Held:      c.held,
		Exports:   c.exports.len(),
		Imports:   c.imports.len(),
		Unsent:    c.out.bytes(),
	}
}
