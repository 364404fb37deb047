package mprt

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Server is what a listener offers to every peer that connects: an
// implementation of an interface. The implementation stays its caller's: it is
// not closed when peers leave.
type Server struct {
	iface *Interface
	impl  any
}

// NewServer returns a server around impl, which must implement the interface's
// Go type. Generated code calls it.
func NewServer(i *Interface, impl any) *Server { return &Server{i, impl} }

// capability returns a new object for one connection; of a nil server, null.
func (s *Server) capability() *vat.Cap {
	if s == nil {
		return nil
	}
	return newProxyServer(s.iface, s.impl, nil, false)
}

// proxyServer wraps an object of this process, so that peers can call it.
type proxyServer struct {
	iface *Interface
	impl  any
	conn  *Conn   // that it was passed on, nil for a call within this process
	self  vat.Cap // its own reference belongs to who got it from newProxyServer
	// loop runs the methods without a context, in order.
	loop vat.Queue

	owned     bool
	destroyed atomic.Bool
}

// newProxyServer wraps impl. If it is owned, it is closed at the end.
func newProxyServer(i *Interface, impl any, conn *Conn, owned bool) *vat.Cap {
	s := &proxyServer{iface: i, impl: impl, conn: conn, owned: owned}
	s.self.InitServer(s)
	return &s.self
}

// Dropped implements [vat.Server]: nobody can call the object any more.
func (s *proxyServer) Dropped() {
	if s.end() && closer(s.impl) != nil {
		// Close is the user's and may block.
		go s.close()
	}
}

// close closes the object. No call waits for that, so there is nobody but the log
// to tell of a panic, which must not end the process, as none of a method does.
func (s *proxyServer) close() {
	defer func() {
		if p := recover(); p != nil && s.conn != nil {
			s.conn.log.Error("Close failed", "interface", s.iface.Name, "peer", s.conn.name,
				"error", panicError(p), "stack", string(debug.Stack()))
		}
	}()
	_ = Close(s.impl)
}

func panicError(p any) error { return fmt.Errorf("panic: %v", p) }

// end reports, once, that the object is to be closed.
func (s *proxyServer) end() bool {
	first := !s.destroyed.Swap(true)
	return first && s.owned
}

// Accept implements [vat.Server].
func (s *proxyServer) Accept(call *vat.Call) *vat.Queue {
	m := s.iface.find(call.InterfaceID, call.MethodID)
	conn, _ := call.Conn().Owner().(*Conn)
	if m == nil {
		err := unimplemented(s.iface.Name, call)
		if t := conn.listener(); t != nil {
			t.unknown(conn, s.iface.Name, fmt.Sprintf("#%d", call.MethodID), call, err)
		}
		call.Fail(err)
		return nil
	}
	s.self.AddRef()
	sc := &ServerCall{call: call, server: s, method: m, conn: conn}
	sc.enc = encoder{conn: conn, caps: call}
	sc.dec = decoder{caps: call, call: sc, borrows: conn != nil && conn.borrowedData}
	if t := conn.listener(); t != nil {
		t.received(sc)
	}
	call.SetExec(sc)
	call.Pace = &m.pace
	if m.Context == 0 || conn == nil {
		if err := sc.admit(nil); err != nil {
			sc.fail(err)
			return nil
		}
		return s.loop.Put(call)
	}
	queue, err := sc.findThread()
	if err != nil {
		sc.fail(err)
	}
	return queue
}

// ServerCall is one call being served. It is also the context that its method
// gets, and may be kept and used as such after the method has returned.
type ServerCall struct {
	server *proxyServer
	method *servedMethod
	conn   *Conn // nil for a call from this process
	call   *vat.Call
	enc    encoder
	dec    decoder
	filled bool // Results was called
	// info is nil unless somebody listens; results is for its log.
	info    *CallInfo
	results capnp.Struct
	labels  context.Context // nil unless it runs under profiler labels

	running atomic.Bool // for Inspect

	// The thread that the call runs on, if it has a context. It is set under mu.
	on     *threadServer
	worker *vat.Cap // the same, one reference
	pooled bool     // the pool gave it

	mu       sync.Mutex
	callback *vat.Cap // the caller's thread, one reference
	finished bool
	done     chan struct{} // made when asked for
	err      error
	cause    error
	after    map[*func()]struct{}
	proxies  []*proxy // that came with the params
	room     [1]*proxy
}

// Params is the params struct, valid until the method has returned.
func (c *ServerCall) Params() Reader { return Reader{c.call.Params, &c.dec} }

// Results allocates the results struct. It is called at most once, when the
// method has succeeded.
func (c *ServerCall) Results() Builder {
	c.filled = true
	s, err := c.call.Results(c.method.ResultsSize)
	c.results = s
	if !c.conn.listener().prints(c) {
		c.enc.lends = s // what is lent cannot be read here
	}
	b := Builder{s, &c.enc}
	if err != nil {
		b.SetErr(err)
		_, seg := capnp.NewSingleSegmentMessage(nil)
		b.Struct, _ = capnp.NewStruct(seg, c.method.ResultsSize)
		return b
	}
	if i := c.method.ResultsThreadMap; i > 0 && c.conn != nil {
		b.SetPtr(uint16(i-1), c.call.AddCap(c.conn.localThreadMap()))
	}
	return b
}

// findThread puts the call on the queue of the thread that its context names,
// and returns what Put did. If the thread is a promise, that happens later.
func (c *ServerCall) findThread() (*vat.Queue, error) {
	p, err := c.call.Params.Ptr(uint16(c.method.Context - 1))
	if err != nil {
		return nil, err
	}
	fields := p.Struct()
	thread, err := c.contextCap(fields, 0)
	if err != nil {
		return nil, err
	}
	callback, err := c.contextCap(fields, 1)
	if err != nil {
		return nil, err
	}
	c.callback = callback.AddRef()
	if thread == nil {
		if err := c.admit(nil); err != nil {
			return nil, err
		}
		if !c.runOn(c.conn.poolThread()) {
			return nil, errNoPool
		}
		c.pooled = true
		return c.on.thread.queue.Put(c.call), nil
	}
	if thread.Known() {
		return c.putOn(thread)
	}
	thread.WhenResolved(func(thread *vat.Cap) {
		queue, err := c.putOn(thread)
		if err != nil {
			c.fail(err)
		}
		queue.Start()
	})
	return nil, nil
}

// putOn puts the call on the queue of a thread that is no promise any more.
func (c *ServerCall) putOn(thread *vat.Cap) (*vat.Queue, error) {
	thread = thread.Resolved()
	if err := thread.Broken(); err != nil {
		return nil, badThread(err)
	}
	s, _ := thread.Local()
	t, ok := s.(*threadServer)
	if !ok || t.conn != c.conn {
		return nil, errBadThread
	}
	if err := c.admit(t.thread); err != nil {
		return nil, err
	}
	c.runOn(t, thread.AddRef())
	return t.thread.queue.Put(c.call), nil
}

// runOn says on which thread the call will run. It takes over worker. It reports
// false for none.
func (c *ServerCall) runOn(t *threadServer, worker *vat.Cap) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on, c.worker = t, worker
	return t != nil
}

var (
	errNoPool    = errors.New("no thread specified and no pool configured")
	errBadThread = errors.New("invalid thread handle")
)

// badThread explains what a C++ client sends that has no thread map.
func badThread(err error) error {
	return fmt.Errorf("%w: %v; does the Init interface declare construct "+
		"(threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap)?", errBadThread, err)
}

func (c *ServerCall) contextCap(fields capnp.Struct, i uint16) (*vat.Cap, error) {
	p, err := fields.Ptr(i)
	if err != nil {
		return nil, err
	}
	return c.call.CapAt(p)
}

// adopt has p closed on the call's thread as long as the call is served.
func (c *ServerCall) adopt(p *proxy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.finished && c.on != nil {
		p.origin.Store(c)
		if c.proxies == nil {
			c.proxies = c.room[:0]
		}
		c.proxies = append(c.proxies, p)
	}
}

// onThread is the thread that the call runs on, nil if it has none or is over.
func (c *ServerCall) onThread() *Thread {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished || c.on == nil {
		return nil
	}
	return c.on.thread
}

// identityOn returns the thread's identity on a connection, as new references:
// on the one that the call came from, the caller's own thread, which waits for
// it.
func (c *ServerCall) identityOn(conn *Conn) (local, remote *vat.Cap, err error) {
	c.mu.Lock()
	if conn == c.conn && c.callback != nil && !c.finished {
		defer c.mu.Unlock()
		return c.worker.AddRef(), c.callback.AddRef(), nil
	}
	c.mu.Unlock()
	return c.on.thread.identityOn(conn)
}

// Execute implements [vat.Executor]: it runs the method. A panic becomes an
// exception for the caller, and so does the end of the goroutine.
func (c *ServerCall) Execute(call *vat.Call) {
	if err := call.Cancelled(); err != nil {
		c.fail(err)
		return
	}
	c.running.Store(true)
	if c.on != nil && c.on.worker && c.callback.HostedBy(c.conn.vat) {
		c.on.keepCallback(c.callback)
	}
	t := c.conn.listener()
	if t != nil {
		t.executing(c)
		if t.labels {
			defer c.label()()
		}
	}
	ran := false
	defer func() {
		if !ran {
			c.died(recover())
		}
	}()
	err := c.run()
	if err == nil && !c.filled && c.method.ResultsThreadMap > 0 {
		c.Results()
	}
	if err == nil {
		err = c.enc.err
	}
	var exception error
	if err != nil {
		exception = exceptionOf(err) // by the error's own methods
	}
	ran = true
	if err != nil {
		c.failWith(err, exception)
		return
	}
	if t != nil {
		t.returning(c, nil)
	}
	c.release()
	call.Return()
	c.finish()
}

// died ends a call whose method panicked or ended its goroutine.
func (c *ServerCall) died(panicked any) {
	err := errors.New("the method called runtime.Goexit")
	if panicked != nil {
		err = panicError(panicked)
	}
	if c.conn != nil {
		c.conn.log.Error("method failed", "method", c.method.String(), "peer", c.conn.name,
			"error", err, "stack", string(debug.Stack()))
	}
	c.fail(err)
}

// Cancel implements [vat.Executor]: the caller does not wait any more.
func (c *ServerCall) Cancel(err error) { c.cancel(err) }

func (c *ServerCall) run() error {
	s, m := c.server, c.method
	if s.destroyed.Load() {
		return fmt.Errorf("%s: the object has been destroyed", m.Method)
	}
	if i := m.ParamsThreadMap; i > 0 && c.conn != nil {
		peers := c.Params().Capability(uint16(i - 1))
		if err := c.dec.err; err != nil {
			return err
		}
		c.conn.setThreadMap(peers)
	}
	switch {
	case m.destroys:
		if s.end() {
			return Close(s.impl)
		}
		return nil
	case m.Handler == nil:
		if m.Method != s.iface.Construct {
			return ErrUnimplemented
		}
		return nil
	}
	return m.Handler(c, s.impl, c)
}

// fail completes the call with an error of the runtime's.
func (c *ServerCall) fail(err error) { c.failWith(err, exceptionOf(err)) }

// failWith completes the call with an error, and the exception that it is for the
// caller.
func (c *ServerCall) failWith(err, exception error) {
	call := c.call
	if t := c.conn.listener(); t != nil {
		t.returning(c, err)
	}
	c.release()
	call.Fail(exception)
	c.finish()
}

// release gives back what the call holds of its caller, before the return goes
// out, so that it can say so.
func (c *ServerCall) release() {
	c.mu.Lock()
	callback, proxies := c.callback, c.proxies
	c.callback, c.proxies = nil, nil
	c.finished = true
	c.mu.Unlock()
	for _, p := range proxies {
		p.origin.Store(nil)
	}
	callback.Release()
}

// finish ends the call's hold on its object and thread, and cancels what
// derives from its context.
func (c *ServerCall) finish() {
	c.cancel(context.Canceled)
	if c.pooled {
		c.conn.poolDone(c.on)
	}
	c.worker.Release()
	c.server.self.Release()
	c.call = nil
}

// Deadline implements [context.Context]; a call that is served has none.
func (c *ServerCall) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements [context.Context]: it is closed when the caller gives up or
// leaves, and when the method has returned.
func (c *ServerCall) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err implements [context.Context].
func (c *ServerCall) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value implements [context.Context].
func (c *ServerCall) Value(key any) any {
	if key == (threadKey{}) {
		return c
	}
	if c.labels != nil {
		return c.labels.Value(key)
	}
	return nil
}

// AfterFunc lets contexts derived from this one do without a goroutine each.
func (c *ServerCall) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	if c.after == nil {
		c.after = map[*func()]struct{}{}
	}
	key := &f
	c.after[key] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waiting := c.after[key]
		delete(c.after, key)
		return waiting
	}
}

func (c *ServerCall) cancel(cause error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = context.Canceled
	c.cause = cause
	if c.done != nil {
		close(c.done)
	}
	after := c.after
	c.after = nil
	c.mu.Unlock()
	for f := range after {
		(*f)()
	}
}

// Caller returns the connection that a method is served on, from the context
// that it got; nil if the call came from this process.
func Caller(ctx context.Context) *Conn {
	if c, ok := ctx.Value(threadKey{}).(*ServerCall); ok {
		return c.conn
	}
	return nil
}
