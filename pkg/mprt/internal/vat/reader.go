package vat

import (
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// The reader role.
//
// Waking a goroutine costs more than everything else in a call, so whoever
// waits for a return reads it: the reader role belongs to the first caller that
// waits (the leader), and others that wait follow until they are woken by
// their return or handed the role. Calls that arrive for a worker run in the
// background reader itself, with the role vacant meanwhile: nested calls made by
// the handler, other callers and the watchdog can all claim it. So a handler
// that is quick costs no hand-over, and one that blocks stops nothing for
// longer than a tick of the watchdog.
//
// c.mu guards the role (reading, leader, epoch) and the list of followers, so
// there is no moment between looking and sleeping in which a wake-up is lost:
//   - who sleeps as a follower is in c.followers, put there under the same
//     lock under which the role was seen held;
//   - who leaves the role hands it to a follower under that lock, or starts a
//     background reader if frames are buffered (they raise no readiness
//     event), or leaves it vacant for the next caller or the watchdog;
//   - a follower that was handed the role (token) and does not need it any
//     more passes it on.
//
// A leader that blocks in read can be wanted elsewhere: its context ends, or a
// call for its queue came in over another connection. A read deadline in the
// past wakes it (kick); reading resumes where it stopped.

// Wait waits until the call has returned, and returns the error it ended with.
// While it waits, calls put on own (which may be nil) run on this goroutine:
// one that began before the end is waited for, but not those behind it, of
// which a peer could have any number.
// When ctx ends first, Wait returns its error; q must still be released, which
// tells the callee.
func (q *Question) Wait(ctx context.Context, own *Queue) error {
	called := false
	if own != nil {
		called = own.lend(q)
		defer own.unlend(q)
	}
	c := q.c
	if q.timeout > 0 || canEnd(ctx) {
		q.ctx = ctx
	}
	c.mu.Lock()
	c.flushBeforeWait(q)
	c.addWaiting(q)
	q.since = dog.ticks.Load()
	q.poked = q.poked || called
	for q.state != returned && !q.cancelled {
		if q.poked {
			q.poked = false
			if q.token { // whoever waits in a nested call needs the role
				q.token = false
				c.vacate()
			}
			c.takeBack(q) // it is the caller's stack that the call runs on
			c.mu.Unlock()
			more := own.runNext(q)
			c.mu.Lock()
			q.poked = q.poked || more
			continue
		}
		if q.token || !c.reading && c.err == nil && !q.yields {
			q.token = false
			c.claim(q)
			c.mu.Unlock()
			c.lead(q)
			c.mu.Lock()
			continue
		}
		c.addFollower(q)
		c.mu.Unlock()
		<-q.sig
		c.mu.Lock()
		q.yields = false
		c.dropFollower(q)
	}
	c.dropWaiting(q)
	if q.token { // handed the role just when it was not needed any more
		q.token = false
		c.vacate()
	}
	err := q.err
	if q.state != returned {
		if err = context.Cause(ctx); err == nil {
			err = context.DeadlineExceeded
		}
	}
	c.takeBack(q)
	c.unwatch(q)
	c.mu.Unlock()
	return err
}

// canEnd says whether a context may end. One that says itself when it does is
// not asked for its channel, which it may have to make.
func canEnd(ctx context.Context) bool {
	if _, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return true
	}
	return ctx.Done() != nil
}

// unwatch ends the watch of q's context, under c.mu. If the watch is just
// calling cancel, that must not hit q's next life.
func (c *Conn) unwatch(q *Question) {
	stop := q.stopWatch
	q.stopWatch = nil
	if stop == nil {
		return
	}
	c.mu.Unlock()
	stopped := stop()
	c.mu.Lock()
	for !stopped && !q.cancelled {
		c.cancelled.Wait()
	}
}

// flushBeforeWait sends what is queued, under c.mu. Where many wait, others are
// let go first: their calls then go in the same write.
func (c *Conn) flushBeforeWait(q *Question) {
	if c.out == nil || len(c.out.queued.bufs) == 0 {
		return
	}
	if len(c.followers) > 1 {
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
	mode := flushWait
	if q.ctx != nil {
		mode = flushCaller
	}
	c.flushLocked(mode)
	c.mu.Lock()
}

// arm watches q's context. The watchdog does it on the first tick that q is
// seen waiting, so that calls quicker than a tick never pay for it.
func (q *Question) arm() {
	q.armed = true
	if q.timeout > 0 {
		q.stopWatch = time.AfterFunc(q.timeout, q.cancel).Stop
		return
	}
	q.stopWatch = context.AfterFunc(q.ctx, q.cancel)
}

func (q *Question) cancel() {
	c := q.c
	c.mu.Lock()
	q.cancelled = true
	c.wake(q)
	c.cancelled.Broadcast()
	c.mu.Unlock()
}

// poke makes the goroutine that waits for q look at its queue.
func (q *Question) poke() {
	c := q.c
	c.mu.Lock()
	q.poked = true
	c.wake(q)
	c.mu.Unlock()
}

// wake makes the goroutine that waits for q look at q's state, under c.mu.
func (c *Conn) wake(q *Question) {
	if c.leader != q || q.token {
		c.dropFollower(q)
		q.signal()
	} else if !c.dispatching {
		c.kick()
	}
}

func (q *Question) signal() {
	select {
	case q.sig <- struct{}{}:
	default:
	}
}

// kick wakes the leader out of read, under c.mu.
func (c *Conn) kick() {
	if !c.kicked {
		c.kicked = true
		c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// claim takes the role for q, or for the background reader if q is nil.
func (c *Conn) claim(q *Question) {
	c.unrest()
	c.reading = true
	c.leader = q
	c.epoch++
}

// vacate gives the role up, under c.mu.
func (c *Conn) vacate() {
	c.reading = false
	c.leader = nil
	if c.err != nil {
		return
	}
	if f := c.successor(); f != nil {
		c.dropFollower(f)
		f.token = true
		c.claim(f)
		f.signal()
		return
	}
	if c.in.hasFrame() {
		c.claim(nil)
		go c.background()
		return
	}
	c.watch()
}

// successor is the follower to hand the role to. One that has waited for long
// is left alone: its call is slow, and to wake it each time that a quick one
// ends would cost that more than the call. If no other caller comes, the
// watchdog starts a background reader.
func (c *Conn) successor() *Question {
	now := dog.ticks.Load()
	for i := len(c.followers) - 1; i >= max(0, len(c.followers)-4); i-- {
		if f := c.followers[i]; now-f.since <= 1 {
			return f
		}
	}
	return nil
}

// lead reads on behalf of q, which waits, until q has to look at its state, or
// others could do better.
func (c *Conn) lead(q *Question) {
	others := 0
	for {
		kind := rpc.Message_Which_unimplemented
		if m := c.readMessage(); m != nil {
			var queue *Queue
			if queue, _, kind = c.dispatch(m); queue != nil {
				queue.Start()
			}
		}
		c.mu.Lock()
		c.dispatching = false
		c.uncork()
		done := q.state == returned || q.poked || q.cancelled || c.err != nil
		if kind == rpc.Message_Which_return {
			others++
		}
		if !done && others >= servesOthers {
			q.yields = c.yields(q)
		}
		if done || q.yields {
			c.vacate()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}

// servesOthers is how many returns that are not its own make a leader ask
// whether it should be one.
const servesOthers = 4

// yields says that q, which leads, has waited for long while the returns of
// others came in: each had to be woken. Those call again, find the role vacant
// and read for themselves. If they do not, the watchdog sees to it. Under c.mu.
func (c *Conn) yields(q *Question) bool {
	c.watch() // so that there are ticks
	return dog.ticks.Load()-q.since > 2 && !c.in.hasFrame()
}

// background reads while no caller does, and runs the calls that come in.
// The role was claimed for it.
func (c *Conn) background() {
	served := false   // a call was read: more will follow
	answered := false // a return was read, and perhaps more behind it
	for {
		m := c.readMessage()
		var queue *Queue
		var call *Call
		kind := rpc.Message_Which_unimplemented
		if m != nil {
			queue, call, kind = c.dispatch(m)
		}
		if queue != nil && call.Pace.Slow() {
			queue.Start()
			queue = nil
		}
		c.mu.Lock()
		c.dispatching = false
		switch {
		case c.err != nil:
			c.vacate()
			c.mu.Unlock()
			queue.Start() // its calls have to end too, and others may come to it
			return
		case queue != nil:
			if !c.runInline(queue, call.Pace) {
				c.mu.Unlock()
				return // somebody took over
			}
		}
		served = served || kind == rpc.Message_Which_call || kind == rpc.Message_Which_bootstrap
		answered = answered || kind == rpc.Message_Which_return
		c.uncork()
		if (answered || !served) && !c.in.hasFrame() {
			// Callers read for themselves. One that has just been woken will
			// probably call again: it finds the role vacant. And a stray Finish
			// or Release is no reason to stay.
			c.vacate()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}

// runInline runs a queue with the role vacant, under c.mu. It reports whether
// the role could be claimed again. Returns of quick calls are held back while
// further calls are buffered, to go out in one write.
func (c *Conn) runInline(queue *Queue, pace *Pace) (again bool) {
	c.inline = pace
	c.corked = c.in.hasFrame()
	c.reading = false
	c.leader = nil
	c.watch()
	c.mu.Unlock()
	queue.Run()
	c.mu.Lock()
	if c.inline == pace {
		c.inline = nil
	}
	if c.reading || c.err != nil {
		return false
	}
	c.claim(nil)
	return true
}

// uncork sends the returns that were held back, if no call is buffered any
// more. Only for the reader, under c.mu.
func (c *Conn) uncork() {
	if c.corked && !c.in.hasFrame() {
		c.corked = false
		c.flushLocked(flushNoWait)
		c.mu.Lock()
	}
}

// readMessage returns the next message, or nil if the reader was kicked or
// the connection has ended.
func (c *Conn) readMessage() *message {
	m, err := c.in.next()
	if err == nil {
		c.mu.Lock()
		c.dispatching = true
		c.stats.MessagesIn++
		c.stats.BytesIn += uint64(m.size())
		c.mu.Unlock()
		return m
	}
	c.mu.Lock()
	if errors.Is(err, os.ErrDeadlineExceeded) && c.err == nil {
		if c.kicked {
			c.kicked = false
			c.nc.SetReadDeadline(time.Time{})
		}
		c.dispatching = true
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	c.fail(err)
	return nil
}

func (c *Conn) addFollower(q *Question) {
	if q.follower < 0 {
		q.follower = len(c.followers)
		c.followers = append(c.followers, q)
	}
}

func (c *Conn) dropFollower(q *Question) {
	if i := q.follower; i >= 0 {
		last := len(c.followers) - 1
		c.followers[i] = c.followers[last]
		c.followers[i].follower = i
		c.followers[last] = nil
		c.followers = c.followers[:last]
		q.follower = -1
	}
}

// addWaiting puts q on the list whose contexts the watchdog will arm.
func (c *Conn) addWaiting(q *Question) {
	if q.ctx != nil && !q.armed {
		q.waiting = len(c.waiting)
		c.waiting = append(c.waiting, q)
		c.watch()
	}
}

func (c *Conn) dropWaiting(q *Question) {
	if i := q.waiting; i >= 0 {
		last := len(c.waiting) - 1
		c.waiting[i] = c.waiting[last]
		c.waiting[i].waiting = i
		c.waiting[last] = nil
		c.waiting = c.waiting[:last]
		q.waiting = -1
	}
}
