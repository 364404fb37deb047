package mprt

import (
	"context"
	"errors"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Observer hears of every call of a connection, on either side, for metrics and
// traces: see [WithObserver]. Its methods are called concurrently, on the way of
// the call, so they should be quick; they must not close the connection. They
// may make calls of other connections.
//
// Of each call both methods get the same *CallInfo, which may be kept. Calls
// within one process are not observed.
type Observer interface {
	// CallStart is called before a call is sent, with the context of who makes
	// it; and before a call received is executed, with the context that its
	// method gets.
	CallStart(ctx context.Context, call *CallInfo)
	// CallEnd is called when the call has ended, with the same context, which
	// may have ended too: when its return was received, or it was given up; and
	// before the return of a call received is sent.
	CallEnd(ctx context.Context, call *CallInfo)
}

// CallInfo is a call as an [Observer] sees it.
type CallInfo struct {
	// Conn is the connection that the call was sent on or received from.
	Conn *Conn
	// Served says that the peer made the call and this side executes it.
	Served bool
	// Interface and Method are named as in the schema. A method that it has not
	// is named by its number, as in "#7".
	Interface, Method string
	// Peer is what errors call the other process.
	Peer string
	// Thread is the name of the thread that the call comes from or runs on;
	// "" if its method has no context.
	Thread string
	// ParamsBytes is the size of the message with the params, framing included.
	// Of a message sent that refers to promises it is some words too low, and so
	// is ResultsBytes.
	ParamsBytes int
	// Start is when the call was sent, or received.
	Start time.Time
	// Queued is, of a call received, how long it waited for its thread or
	// object to be free.
	Queued time.Duration

	// Value is for the observer's own use, such as a trace span.
	Value any

	// What follows is set when the call has ended.

	// Duration is the time from Start to the end.
	Duration time.Duration
	// ResultsBytes is the size of the message with the results; 0 if there are
	// none.
	ResultsBytes int
	// Err is the error that the call or the method returned. An exception that
	// the schema declares is a result, and no error.
	Err error

	number  uint64 // for logs
	started bool   // CallStart was called
}

// errUnwanted is the end of a call that nobody waited for.
var errUnwanted = errors.New("nobody waits for the results any more")

// tap is what hears of the calls of a connection. Connections that nobody
// listens to have none.
type tap struct {
	observer Observer // or nil
	callLog  callLog
	labels   bool // calls run under profiler labels
	record   *record
}

// newTap returns what o asks for, of a connection to a peer of this name.
func newTap(o *options, peer string) *tap {
	t := &tap{observer: o.observer, callLog: newCallLog(o), labels: o.profileLabels, record: o.recorder.connect(peer)}
	if t.observer == nil && t.callLog.Logger == nil && !t.labels && t.record == nil {
		return nil
	}
	return t
}

// recording is the record of the connection's messages, nil if there is none.
func (t *tap) recording() *record {
	if t == nil {
		return nil
	}
	return t.record
}

// listener is the tap of c, nil also for a call within this process.
func (c *Conn) listener() *tap {
	if c == nil {
		return nil
	}
	return c.tap
}

// prints reports whether the content of calls is read here, so that all of it
// must be in their messages.
func (t *tap) prints(ctx context.Context) bool {
	return t != nil && (t.record != nil || t.callLog.prints(ctx))
}

// sending is told of a call that is about to be sent.
func (t *tap) sending(c *ClientCall) {
	logs := t.callLog.on(c.ctx)
	if c.info != nil || t.observer == nil && !logs {
		return
	}
	c.info = &CallInfo{
		Conn:        c.conn,
		Interface:   c.method.InterfaceName,
		Method:      c.method.Name,
		Peer:        c.conn.name,
		ParamsBytes: c.q.ParamsBytes(),
		Start:       time.Now(),
	}
	if c.thread != nil && c.method.Context > 0 {
		c.info.Thread = c.thread.name
	}
	if logs {
		t.callLog.sending(c)
	}
	if t.observer != nil {
		t.observer.CallStart(c.ctx, c.info)
	}
}

// returned is told of the end of a call that was made.
func (t *tap) returned(c *ClientCall, err error) {
	info := c.info
	if info == nil {
		t.callLog.failed(c, err)
		return
	}
	c.info = nil
	info.Duration = time.Since(info.Start)
	info.Err = err
	if err == nil {
		info.ResultsBytes = c.q.ResultsBytes()
	}
	t.callLog.returned(c, info)
	if t.observer != nil {
		t.observer.CallEnd(c.ctx, info)
	}
}

// received is told of a call of the peer's.
func (t *tap) received(c *ServerCall) {
	logs := t.callLog.on(c)
	if t.observer == nil && !logs {
		return
	}
	c.info = t.newServed(c.conn, c.call, c.method.InterfaceName, c.method.Name)
	if logs {
		t.callLog.received(c)
	}
}

func (t *tap) newServed(conn *Conn, call *vat.Call, iface, method string) *CallInfo {
	return &CallInfo{
		Conn:        conn,
		Served:      true,
		Interface:   iface,
		Method:      method,
		Peer:        conn.name,
		ParamsBytes: call.ParamsBytes(),
		Start:       time.Now(),
	}
}

// unknown is told of a call of a method that the object has not.
func (t *tap) unknown(conn *Conn, iface, method string, call *vat.Call, err error) {
	if t.observer == nil {
		return
	}
	info := t.newServed(conn, call, iface, method)
	t.observer.CallStart(context.Background(), info)
	info.Duration = time.Since(info.Start)
	info.Err = err
	t.observer.CallEnd(context.Background(), info)
}

// executing is told that a call of the peer's is about to run, or to fail
// without that.
func (t *tap) executing(c *ServerCall) {
	info := c.info
	if info == nil || info.started {
		return
	}
	info.started = true
	info.Queued = time.Since(info.Start)
	if c.on != nil {
		info.Thread = c.on.thread.name
	}
	if t.observer != nil {
		t.observer.CallStart(c, info)
	}
}

// returning is told of the end of a call of the peer's, before its return is
// sent.
func (t *tap) returning(c *ServerCall, err error) {
	t.executing(c)
	info := c.info
	if info != nil {
		info.Duration = time.Since(info.Start)
		info.Err = err
		if err == nil {
			info.ResultsBytes = c.call.ResultsBytes()
		}
	}
	t.callLog.returning(c, err)
	if info != nil && t.observer != nil {
		t.observer.CallEnd(c, info)
	}
}
