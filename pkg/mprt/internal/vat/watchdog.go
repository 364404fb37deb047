package vat

import (
	"sync"
	"sync/atomic"
	"time"
)

// The watchdog looks at active connections once a tick. On one whose reader
// role is vacant and has not moved for a whole tick, it starts a background
// reader: the call that runs inline blocks, or no caller has come back. It
// also does what only slow calls need: watch their contexts, and send what was
// left to ride with a next message that did not come.
//
// It is one goroutine for the process, which sleeps as long as no connection
// needs it. Go's own short timers would double the latency of every call, so
// the ticks come from a timer descriptor where there is one (tick_linux.go).

// tick is how long a call may block the reader before another takes over.
const tick = time.Millisecond

type watchdog struct {
	mu      sync.Mutex
	watched []*Conn
	running bool
	ticker  ticker
	ticks   atomic.Uint32
}

var dog watchdog

// watch has c looked at, under c.mu.
func (c *Conn) watch() {
	if c.watched {
		return
	}
	c.watched = true
	c.seenEpoch = c.epoch
	dog.add(c)
}

// add may be called with a connection's lock held; the watchdog never takes
// one with its own held.
func (d *watchdog) add(c *Conn) {
	d.mu.Lock()
	d.watched = append(d.watched, c)
	start := !d.running
	if start {
		d.running = true
		if d.ticker.fresh() {
			go d.run()
		} else {
			d.ticker.start()
		}
	}
	d.mu.Unlock()
}

func (d *watchdog) run() {
	d.ticker.start()
	var batch, kept []*Conn
	for {
		d.ticker.wait()
		d.ticks.Add(1)
		d.mu.Lock()
		batch, d.watched = d.watched, batch[:0]
		d.mu.Unlock()
		kept = kept[:0]
		for i, c := range batch {
			if c.look() {
				kept = append(kept, c)
			}
			batch[i] = nil
		}
		d.mu.Lock()
		d.watched = append(d.watched, kept...)
		if len(d.watched) == 0 {
			d.running = false
			d.ticker.stop()
		}
		d.mu.Unlock()
		clear(kept)
	}
}

// look does what is due on c and reports whether to look again next tick. It does
// not wait for the lock: what a peer has its connection do must not keep others
// waiting.
func (c *Conn) look() bool {
	if !c.mu.TryLock() {
		return true
	}
	for len(c.waiting) > 0 {
		q := c.waiting[len(c.waiting)-1]
		c.dropWaiting(q)
		q.arm()
	}
	moved := c.epoch != c.seenEpoch
	c.seenEpoch = c.epoch
	if c.err != nil || c.reading && !moved && (c.out == nil || len(c.out.queued.bufs) == 0) {
		c.watched = false
		c.mu.Unlock()
		return false
	}
	switch {
	case c.reading || moved:
	case c.quiet() && len(c.out.queued.bufs) > 0 && !c.out.flushing:
		// It comes to rest at the next tick, when this has been sent, or is
		// left to the goroutine that waits for the peer to read.
	case c.quiet() && c.rest():
		c.watched = false
		c.mu.Unlock()
		return false
	default:
		if c.inline != nil {
			c.inline.mark()
			c.inline = nil
			c.stats.Takeovers++
		}
		c.claim(nil)
		go c.background()
	}
	if c.out != nil {
		c.flushLocked(flushTick)
	} else {
		c.mu.Unlock()
	}
	return true
}
