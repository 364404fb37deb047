package vat

import "time"

// Inspection is what a connection does and offers, for people to look at.
type Inspection struct {
	Sent     []SentCall     // that have not returned
	Received []ReceivedCall // that have not returned
	Exports  []Export
}

// SentCall is a question that has not been answered.
type SentCall struct {
	ID          uint32
	InterfaceID uint64 // 0 for a bootstrap
	MethodID    uint16
	Label       any // see [Question.SetLabel]
	Seen        time.Time
}

// ReceivedCall is a call that is being served.
type ReceivedCall struct {
	ID          uint32
	InterfaceID uint64 // 0 for a bootstrap
	MethodID    uint16
	Exec        Executor // nil while its object is not known
	Seen        time.Time
}

// Export is an object that the peer holds.
type Export struct {
	ID         uint32
	References uint32
	Server     Server // nil if it is not an object of this process, or a promise
}

// Inspect lists what the connection does and offers: at most limit calls of
// each kind, and the objects that are wanted, which is asked under a lock and
// of nil for what is none of this process. Seen is when a call was first found
// by Inspect: calls themselves keep no time, which would cost each of them.
func (c *Conn) Inspect(limit int, wanted func(Server) bool) Inspection {
	var i Inspection
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.questions.all() {
		if q == nil || q.elsewhere || len(i.Sent) >= limit {
			continue
		}
		if q.seen.IsZero() {
			q.seen = now
		}
		i.Sent = append(i.Sent, SentCall{q.id, q.interfaceID, q.methodID, q.label, q.seen})
	}
	for call := range c.answers.all() {
		if call.returned || len(i.Received) >= limit {
			continue
		}
		if call.seen.IsZero() {
			call.seen = now
		}
		r := ReceivedCall{ID: call.id, InterfaceID: call.InterfaceID, MethodID: call.MethodID, Seen: call.seen}
		if call.accepted.Load() {
			r.Exec = call.exec
		}
		i.Received = append(i.Received, r)
	}
	for id, e := range c.exports.all() {
		if e.cap == nil {
			continue
		}
		if s, _ := e.cap.what.(Server); wanted(s) {
			i.Exports = append(i.Exports, Export{uint32(id), e.n, s})
		}
	}
	return i
}

// Len is how many calls wait in the queue, and whether somebody runs or owns it.
func (q *Queue) Len() (waiting int, busy bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waits() {
		waiting = 1
		for call := q.last.next; call != q.last; call = call.next {
			waiting++
		}
	}
	return waiting, q.last != nil
}
