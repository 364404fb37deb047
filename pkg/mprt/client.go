package mprt

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Client is the base of every generated proxy client. Its methods may be
// called concurrently.
type Client struct {
	p *proxy
}

// proxy is what copies of a Client share.
//
// It has a finalizer for when it is dropped without Close. A cleanup would take
// two allocations and 40 bytes more, and gain nothing: it too would keep alive
// what the capability leads to.
type proxy struct {
	cap   *vat.Cap
	iface *Interface
	// origin is the call that the proxy came with, as long as it is served.
	origin atomic.Pointer[ServerCall]
	closed atomic.Bool
	begun  atomic.Int32 // calls that are about to be sent
}

// NewClient makes a client of an object that it takes over. Of the bootstrap
// object of a connection it also exchanges thread maps, if the interface has a
// method for it; that does not wait.
func NewClient(c Capability, i *Interface) Client {
	p := &proxy{cap: c.cap, iface: i}
	if c.cap == nil {
		p.cap = vat.NewBroken(vat.ErrNull)
	}
	dropped := (*proxy).dropped
	if conn := p.conn(); conn != nil {
		conn.object("IPC client create", i)
		if i.Construct != nil {
			conn.construct(p.cap, i.Construct)
		}
		if conn.leaked != nil && !c.function {
			made := callers()
			dropped = func(p *proxy) { p.leaked(made) }
		}
	}
	if c.from != nil {
		c.from.adopt(p)
	}
	runtime.SetFinalizer(p, dropped)
	return Client{p}
}

// dropped releases what the garbage collector found. The object dies with its
// last reference; destroy, which may block, is left out.
func (p *proxy) dropped() { p.cap.Release() }

// leaked is dropped for a proxy whose loss is reported; made is the stack of who
// made it.
func (p *proxy) leaked(made []uintptr) {
	if c := p.conn(); c != nil && c.leaked != nil {
		c.leaked(Leak{Interface: p.iface.Name, Peer: c.name, Stack: stackOf(made)})
	}
	p.dropped()
}

func (c Client) proxy() *proxy { return c.p }

// conn is the connection to the object's process, nil if it is this one.
func (p *proxy) conn() *Conn { return owner(p.cap.Conn()) }

// peer is what errors call the process that the object came from, also when the
// connection has gone.
func (p *proxy) peer() string {
	if conn := owner(p.cap.CameOver()); conn != nil {
		return conn.name
	}
	return ""
}

func owner(v *vat.Conn) *Conn {
	if v == nil {
		return nil
	}
	conn, _ := v.Owner().(*Conn)
	return conn
}

// Capability returns a new reference to the object, without a type.
func (c Client) Capability() Capability { return Capability{cap: c.p.cap.AddRef()} }

// destroyTimeout bounds how long Close waits for a peer to destroy an object.
const destroyTimeout = 10 * time.Second

// Close destroys the object, if its interface has a destroy method, and
// releases it. It waits until the object is destroyed, for 10 seconds at the
// most; that the connection is gone already is no error. Only the first call
// does anything.
//
// An object is not destroyed under a call, which a C++ peer would not survive:
// while one is still running there, also one that was given up on here, Close
// releases the object and does not wait; it dies when the last of them ends.
//
// In the method that the client was passed to, destroy runs where its caller
// waits; otherwise on a thread of its own.
func (c Client) Close() error {
	ctx := context.Background()
	if origin := c.p.origin.Load(); origin != nil {
		ctx = onThreadOf{ctx, origin}
	}
	return c.close(ctx, destroyTimeout)
}

// CloseContext is [Client.Close] with the caller's bound and thread.
func (c Client) CloseContext(ctx context.Context) error { return c.close(ctx, 0) }

func (c Client) close(ctx context.Context, timeout time.Duration) error {
	p := c.p
	if p.closed.Swap(true) {
		return nil
	}
	runtime.SetFinalizer(p, nil)
	if conn := p.conn(); conn != nil {
		conn.object("IPC client destroy", p.iface)
	}
	defer p.cap.Release()
	if p.iface.Destroy == nil || p.begun.Load() > 0 || p.cap.Busy() {
		return nil
	}
	call, err := begin(ctx, p, p.iface.Destroy)
	if err == nil {
		defer call.Finish()
		call.q.SetTimeout(timeout)
		_, err = call.Do()
	}
	if isDisconnected(err) {
		return nil
	}
	return err
}

// onThreadOf is a context that carries a call's thread, but does not end with
// the call.
type onThreadOf struct {
	context.Context
	call *ServerCall
}

func (c onThreadOf) Value(key any) any {
	if key == (threadKey{}) {
		return c.call
	}
	return nil
}

// Begin starts a call of a method. Fill in Params, then Do, then Finish.
//
// Do fails if the call cannot be made, not Begin: what is passed in a call
// belongs to it, and is closed if the peer does not get it.
func (c Client) Begin(ctx context.Context, m *Method) (*ClientCall, error) {
	p := c.p
	if p == nil {
		p = nullProxy
	}
	open := p.hold()
	call, err := begin(ctx, p, m)
	switch {
	case err == nil && open:
		call.holds = true
	case err == nil:
		call.enc.err = ErrClosed
	case open:
		p.letGo()
	}
	return call, err
}

// hold keeps a proxy's object from being let go, or destroyed, until a call has
// been sent to it. It reports false for a proxy that was closed.
func (p *proxy) hold() bool {
	p.begun.Add(1)
	if !p.closed.Load() && p.cap.TryRef() {
		return true
	}
	p.begun.Add(-1)
	return false
}

// letGo ends hold.
func (p *proxy) letGo() {
	p.begun.Add(-1)
	p.cap.Release()
}

// nullProxy stands for the proxy that a zero Client has not.
var nullProxy = &proxy{cap: vat.NewBroken(vat.ErrNull)}

// ClientCall is one call being made. It is used by one goroutine, and not
// after Finish.
type ClientCall struct {
	q      *vat.Question
	proxy  *proxy
	conn   *Conn
	method *Method
	ctx    context.Context
	// thread is where the call comes from; lease says that it was borrowed.
	thread *Thread
	lease  *lease
	enc    encoder
	dec    decoder
	sent   bool
	holds  bool      // the proxy, until it is sent
	info   *CallInfo // nil unless somebody listens
}

var clientCalls = sync.Pool{New: func() any { return new(ClientCall) }}

func begin(ctx context.Context, p *proxy, m *Method) (*ClientCall, error) {
	conn := p.conn()
	q, err := vat.NewQuestion(p.cap, m.InterfaceID, m.ID, m.ParamsSize)
	if err != nil {
		return nil, callError(m, p.peer(), err)
	}
	q.SetLabel(m)
	call := clientCalls.Get().(*ClientCall)
	call.q, call.proxy, call.conn, call.method, call.ctx = q, p, conn, m, ctx
	call.enc = encoder{conn: conn, caps: q, lends: q.Params()}
	call.dec = decoder{caps: q, back: call}
	if conn.listener().prints(ctx) {
		call.enc.lends = capnp.Struct{} // what is lent cannot be read here
	}
	switch {
	case ctx.Err() != nil:
		call.enc.err = context.Cause(ctx)
	case conn != nil:
		err := call.addThread()
		if err != nil && conn.vat.Err() != nil {
			err = conn.vat.AfterEnd() // there is no other reason then
		}
		call.enc.err = err
	}
	return call, nil
}

// Params is the params struct.
func (c *ClientCall) Params() Builder { return Builder{c.q.Params(), &c.enc} }

// Do sends the call and waits for its results, which are valid until Finish.
func (c *ClientCall) Do() (Reader, error) {
	c.observe()
	if c.enc.err == nil {
		c.sent = true
		c.q.Post()
	}
	c.letGo()
	return c.Wait()
}

// Start sends the call and does not wait. A call that could not be built fails
// in Wait.
func (c *ClientCall) Start() {
	c.observe()
	if c.enc.err == nil {
		c.sent = true
		c.q.Send()
	}
	c.letGo()
}

// letGo ends the call's hold on its proxy.
func (c *ClientCall) letGo() {
	if c.holds {
		c.holds = false
		c.proxy.letGo()
	}
}

// observe tells who listens that the call is about to be sent.
func (c *ClientCall) observe() {
	if t := c.conn.listener(); t != nil {
		t.sending(c)
	}
}

// ended tells who listens how the call ended.
func (c *ClientCall) ended(err error) {
	if t := c.conn.listener(); t != nil {
		t.returned(c, err)
	}
}

// error is the error of the call for a cause.
func (c *ClientCall) error(cause error) error {
	peer := ""
	switch {
	case c.conn != nil:
		peer = c.conn.name
	case c.proxy.cap.Broken() != nil:
		peer = c.proxy.peer()
	}
	return callError(c.method, peer, cause)
}

// Wait waits for the results of a call that was started. They are valid until
// Finish.
func (c *ClientCall) Wait() (Reader, error) {
	if !c.sent {
		err := c.error(c.enc.err)
		c.ended(err)
		return Reader{}, err
	}
	var own *vat.Queue
	if c.thread != nil {
		own = &c.thread.queue
	}
	err := c.q.Wait(c.ctx, own)
	if c.thread != nil {
		c.thread.relabel(c.ctx)
	}
	if err != nil {
		err = c.error(err)
		c.ended(err)
		return Reader{}, err
	}
	c.ended(nil)
	r := Reader{c.q.Results(), &c.dec}
	if i := c.method.ResultsThreadMap; i > 0 && c.conn != nil {
		c.conn.setThreadMap(r.Capability(uint16(i - 1)))
	}
	return r, nil
}

// Pipeline returns a promise for an object in the results of a call that was
// started; path are the pointer indexes that lead to it. Calls can be made on
// it before the results are there.
func (c *ClientCall) Pipeline(path ...uint16) Capability {
	if !c.sent {
		return Capability{cap: vat.NewBroken(c.enc.err)}
	}
	return Capability{cap: c.q.Pipeline(path...)}
}

// Finish ends the use of the call. If it has not returned, its results are
// dropped when it does, and the peer is told that nobody waits. The peer's
// thread may go on running it, so no other call gets that thread.
func (c *ClientCall) Finish() {
	if c.info != nil {
		c.ended(errUnwanted)
	}
	abandoned := c.q.Release()
	c.letGo()
	if c.lease != nil {
		c.lease.giveBack(abandoned)
	}
	// The proxy must not be collected before its call has been sent.
	runtime.KeepAlive(c.proxy)
	*c = ClientCall{}
	clientCalls.Put(c)
}
