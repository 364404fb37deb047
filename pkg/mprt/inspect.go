package mprt

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Inspection is what a connection does and holds at one moment, for people to
// look at; package [github.com/mpgo-dev/mpgo/pkg/mprt/debug] has a page of it.
type Inspection struct {
	Peer  string    // what errors call the other process
	Since time.Time // when the connection was made
	Stats Stats

	Waiting []CallState   // calls sent that have not returned
	Serving []CallState   // calls received that have not returned
	Threads []ThreadState // that the peer knows here
	Objects []ObjectState // of this process that the peer holds, threads left out
}

// CallState is a call in flight.
type CallState struct {
	ID     uint32 // its question's on the wire
	Method string // "Interface.method"
	// Thread is the name of the thread that a call received runs on, "" if it
	// has none.
	Thread string
	// Running says of a call received that its method runs; otherwise it waits
	// for its thread or object.
	Running bool
	// Seen is when an inspection first found the call. It is the older; calls do
	// not keep the time themselves, which would slow all of them down.
	Seen time.Time
}

// ThreadState is a thread of this process that a peer knows.
type ThreadState struct {
	Name string
	// Worker says that the peer made it for its calls; others are threads that
	// calls to the peer come from.
	Worker bool
	Busy   bool // a call runs on it or comes from it
	Queued int  // calls that wait for it
}

// ObjectState is an object of this process that a peer holds.
type ObjectState struct {
	ID         uint32 // its export's on the wire
	Interface  string // as in the schema
	Type       string // the Go type of the implementation
	References int    // that the peer has
}

// conns are the connections of this process, by the order in which they were
// made.
var conns struct {
	mu   sync.Mutex
	next uint64
	open map[*Conn]uint64
}

func (c *Conn) register() {
	conns.mu.Lock()
	defer conns.mu.Unlock()
	if conns.open == nil {
		conns.open = map[*Conn]uint64{}
	}
	conns.next++
	conns.open[c] = conns.next
}

func (c *Conn) unregister() {
	conns.mu.Lock()
	defer conns.mu.Unlock()
	delete(conns.open, c)
}

// Conns returns the connections of this process that have not ended, the oldest
// first.
func Conns() []*Conn {
	conns.mu.Lock()
	defer conns.mu.Unlock()
	return slices.SortedFunc(maps.Keys(conns.open), func(a, b *Conn) int {
		return cmp.Compare(conns.open[a], conns.open[b])
	})
}

// Inspect returns what the connection does and holds, at most limit entries in
// each list. It takes a lock of the connection's for as long as it takes to
// copy that.
func (c *Conn) Inspect(limit int) Inspection {
	i := Inspection{Peer: c.name, Since: c.since, Stats: c.Stats()}
	var threads, objects int
	found := c.vat.Inspect(limit, func(s vat.Server) bool {
		n := &objects
		if _, ok := s.(*threadServer); ok {
			n = &threads
		}
		*n++
		return *n <= limit
	})
	for _, call := range found.Sent {
		s := CallState{ID: call.ID, Method: methodName(call.InterfaceID, call.MethodID), Seen: call.Seen}
		if m, ok := call.Label.(*Method); ok {
			s.Method = m.String()
		}
		i.Waiting = append(i.Waiting, s)
	}
	for _, call := range found.Received {
		s := CallState{ID: call.ID, Method: methodName(call.InterfaceID, call.MethodID), Seen: call.Seen}
		if sc, ok := call.Exec.(*ServerCall); ok {
			s.Method = sc.method.String()
			s.Running = sc.running.Load()
			if t := sc.onThread(); t != nil {
				s.Thread = t.name
			}
		}
		i.Serving = append(i.Serving, s)
	}
	byID := func(a, b CallState) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(i.Serving, byID)
	for _, e := range found.Exports {
		switch s := e.Server.(type) {
		case *threadServer:
			i.Threads = append(i.Threads, s.state())
		case *proxyServer:
			i.Objects = append(i.Objects, ObjectState{e.ID, s.iface.Name, fmt.Sprintf("%T", s.impl), int(e.References)})
		case *threadMap:
			i.Objects = append(i.Objects, ObjectState{e.ID, "ThreadMap", fmt.Sprintf("%T", s), int(e.References)})
		default:
			i.Objects = append(i.Objects, ObjectState{e.ID, "", "of another process, or a promise", int(e.References)})
		}
	}
	c.mu.Lock()
	pool := slices.Clone(c.pool)
	c.mu.Unlock()
	for _, w := range pool {
		if s, _ := w.Local(); len(i.Threads) < limit {
			i.Threads = append(i.Threads, s.(*threadServer).state())
		}
	}
	slices.SortStableFunc(i.Threads, func(a, b ThreadState) int { return cmp.Compare(a.Name, b.Name) })
	return i
}

func (s *threadServer) state() ThreadState {
	queued, busy := s.thread.queue.Len()
	return ThreadState{Name: s.thread.name, Worker: s.worker, Busy: busy, Queued: queued}
}

// methodName names what the runtime itself calls, and others by their ids.
func methodName(iface uint64, method uint16) string {
	switch {
	case iface == 0:
		return "bootstrap"
	case iface == threadMapID && method == makeThread:
		return "ThreadMap.makeThread"
	case iface == threadMapID && method == makePool:
		return "ThreadMap.makePool"
	case iface == threadID && method == threadGetName:
		return "Thread.getName"
	}
	return fmt.Sprintf("%#x.%d", iface, method)
}
