package mprt

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Ids of schema/mp/proxy.capnp (libmultiprocess's mp/proxy.capnp).
const (
	threadMapID   = 0xee5e37179ad9dc9d
	makeThread    = 0
	makePool      = 1
	threadID      = 0x81c1e2600d0b56c5
	threadGetName = 0
)

// contextSize is the size of struct Context: thread @0, callbackThread @1.
var contextSize = capnp.ObjectSize{PointerCount: 2}

// Thread is a logical thread: a name, and a queue that runs one call at a
// time. Peers know it by one capability a connection.
type Thread struct {
	name  string
	queue vat.Queue

	// labelled says that calls ran here under labels of their own.
	labelled atomic.Bool

	mu sync.Mutex
	on map[*Conn]*identity // nil for threads that only one connection knows
}

// heldThread is how a context holds a thread of [WithThread]: the thread itself
// is known to connections, so it would never be found to be out of use.
type heldThread struct{ *Thread }

// identity is what a thread is on one connection.
type identity struct {
	// local is this thread, for the peer: calls on it run where the thread
	// waits.
	local *vat.Cap
	// remote is the peer's thread that runs this one's calls; nil until the
	// first call needs it.
	remote *vat.Cap
}

// threadServer is a thread as a peer of one connection sees it.
type threadServer struct {
	thread *Thread
	conn   *Conn
	// worker says that the peer made the thread to run its calls; os is what
	// they run on, if that is a thread of the operating system's.
	worker bool
	os     *osThread
	// load is the number of calls that a pool has given it.
	load int
	// callback is the thread of the peer that the worker's last call came
	// from. It is kept because the next will come from there too. A thread of
	// our own keeps none, and none is kept that is not the peer's: the two
	// would hold each other for ever.
	mu       sync.Mutex
	callback *vat.Cap
}

func (s *threadServer) Accept(call *vat.Call) *vat.Queue {
	if call.InterfaceID != threadID || call.MethodID != threadGetName {
		call.Fail(unimplemented("Thread", call))
		return nil
	}
	r, err := call.Results(capnp.ObjectSize{PointerCount: 1})
	if err == nil {
		err = r.SetNewText(0, s.thread.name)
	}
	if err != nil {
		call.Fail(err)
		return nil
	}
	call.Return()
	return nil
}

func (s *threadServer) Dropped() {
	s.mu.Lock()
	callback := s.callback
	s.callback = nil
	s.mu.Unlock()
	callback.Release()
	s.conn.threads.Add(-1)
	if s.os != nil {
		s.os.stop()
	}
	if s.worker {
		s.conn.workers.Add(-1)
		// Release locks other connections, which a drop must not wait for.
		go s.thread.release()
	}
}

// keepCallback remembers where the worker's calls come from.
func (s *threadServer) keepCallback(c *vat.Cap) {
	s.mu.Lock()
	old := s.callback
	if old == c {
		s.mu.Unlock()
		return
	}
	s.callback = c.AddRef()
	s.mu.Unlock()
	old.Release()
}

func unimplemented(iface string, call *vat.Call) error {
	return &vat.Exception{
		Type:   vat.Unimplemented,
		Reason: fmt.Sprintf("%s has no method %d of interface %#x", iface, call.MethodID, call.InterfaceID),
	}
}

// threadMap is the object by which a peer makes threads here.
type threadMap struct{ conn *Conn }

func (m *threadMap) Dropped() {}

func (m *threadMap) Accept(call *vat.Call) *vat.Queue {
	var err error
	switch {
	case call.InterfaceID != threadMapID:
		err = unimplemented("ThreadMap", call)
	case call.MethodID == makeThread:
		var name capnp.Ptr
		if name, err = call.Params.Ptr(0); err == nil {
			err = m.makeThread(call, name.TextBytes())
		}
	case call.MethodID == makePool:
		err = m.conn.makePool(int(call.Params.Uint32(0)))
	default:
		err = unimplemented("ThreadMap", call)
	}
	if err != nil {
		call.Fail(err)
	} else {
		call.Return()
	}
	return nil
}

// maxThreadName bounds the name that a peer gives a thread, in bytes.
const maxThreadName = 1 << 10

func (m *threadMap) makeThread(call *vat.Call, name []byte) error {
	if len(name) > maxThreadName {
		return fmt.Errorf("thread name of %d bytes: at most %d", len(name), maxThreadName)
	}
	worker, err := m.conn.newWorker(string(name))
	if err != nil {
		return err
	}
	r, err := call.Results(capnp.ObjectSize{PointerCount: 1})
	if err != nil {
		worker.Release()
		return err
	}
	return r.SetPtr(0, call.AddCap(worker))
}

// newWorker returns a new thread that runs calls of the peer.
func (c *Conn) newWorker(name string) (*vat.Cap, error) {
	if err := c.addWorkers(1); err != nil {
		return nil, err
	}
	s := &threadServer{thread: &Thread{name: name}, conn: c, worker: true}
	if c.osThreads {
		var err error
		if s.os, err = newOSThread(name); err != nil {
			c.workers.Add(-1)
			return nil, err
		}
		s.thread.queue.SetRunner(s.os.run)
	}
	c.threads.Add(1)
	return vat.NewServer(s), nil
}

// addWorkers counts n more threads that the peer makes, if it may.
func (c *Conn) addWorkers(n int64) error {
	if c.workers.Add(n) > int64(c.maxThreads) {
		c.workers.Add(-n)
		return &vat.Exception{
			Type:   vat.Overloaded,
			Reason: fmt.Sprintf("more than %d threads on one connection", c.maxThreads),
		}
	}
	return nil
}

// makePool makes the threads for calls that name none.
func (c *Conn) makePool(n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended { // nobody would release them
		return c.vat.AfterEnd()
	}
	if len(c.pool) > 0 {
		return &vat.Exception{Reason: stdException + "makePool called on connection with existing pool"}
	}
	// Not to make thousands only to find that they are too many.
	if err := c.addWorkers(int64(n)); err != nil {
		return err
	}
	c.workers.Add(-int64(n))
	for i := range n {
		worker, err := c.newWorker(fmt.Sprintf("pool%d", i))
		if err != nil {
			for _, w := range c.pool {
				w.Release()
			}
			c.pool = nil
			return err
		}
		c.pool = append(c.pool, worker)
	}
	return nil
}

// poolThread returns the thread of the pool with the fewest calls, and a new
// reference to it, and counts one more.
func (c *Conn) poolThread() (least *threadServer, cap *vat.Cap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.pool {
		s, _ := w.Local()
		if t := s.(*threadServer); least == nil || t.load < least.load {
			least, cap = t, w
		}
		if least.load == 0 {
			break // none has fewer
		}
	}
	if least != nil {
		least.load++
	}
	return least, cap.AddRef()
}

func (c *Conn) poolDone(t *threadServer) {
	c.mu.Lock()
	t.load--
	c.mu.Unlock()
}

// localIdentity makes a thread known on c.
func (c *Conn) localIdentity(t *Thread) *vat.Cap {
	c.threads.Add(1)
	cap := vat.NewServer(&threadServer{thread: t, conn: c})
	c.vat.Pin(cap)
	return cap
}

// noThread is why there is no thread map of the peer's.
func (c *Conn) noThread() error {
	if c.vat.Err() != nil {
		return c.vat.AfterEnd()
	}
	return ErrNoThread
}

// remoteThread asks the peer for a thread to run calls. It does not wait.
func (c *Conn) remoteThread(name string) (*vat.Cap, error) {
	c.mu.Lock()
	m := c.threadMap.AddRef()
	c.mu.Unlock()
	if m == nil {
		return nil, c.noThread()
	}
	defer m.Release()
	if err := m.Broken(); err != nil {
		return nil, fmt.Errorf("no thread map: %w", err)
	}
	q, err := vat.NewQuestion(m, threadMapID, makeThread, capnp.ObjectSize{PointerCount: 1})
	if err != nil {
		return nil, err
	}
	defer q.Release()
	if err := q.Params().SetNewText(0, name); err != nil {
		return nil, err
	}
	q.Post() // Send might wait for a peer that does not read, under a thread's lock
	return q.Pipeline(0), nil
}

// lease is a thread of a connection that a call has borrowed.
type lease struct {
	conn *Conn
	*Thread
	identity
}

// borrow returns an idle thread of the connection, or a new one.
func (c *Conn) borrow() *lease {
	c.mu.Lock()
	c.lent++
	for i := len(c.idle) - 1; i >= 0; i-- {
		// One on which a late callback runs is left alone.
		if l := c.idle[i]; l.queue.Acquire() {
			c.idle = slices.Delete(c.idle, i, i+1)
			c.mu.Unlock()
			return l
		}
	}
	c.borrowed++
	name := fmt.Sprintf("%s-%d", c.threadName, c.borrowed)
	c.mu.Unlock()
	l := &lease{conn: c, Thread: &Thread{name: name}}
	l.local = c.localIdentity(l.Thread)
	l.queue.Acquire()
	return l
}

// spareThreads is how many idle threads a connection keeps beyond as many as are
// lent.
const spareThreads = 64

// giveBack ends a loan. A thread whose call was given up on is not lent again:
// the peer may run the call to its end, and calls behind it would wait. After a
// rush of calls, the threads that it took are released, here and there.
func (l *lease) giveBack(abandoned bool) {
	l.queue.Yield()
	c := l.conn
	c.mu.Lock()
	c.lent--
	if c.ended {
		c.mu.Unlock()
		l.identity.release()
		return
	}
	if abandoned {
		c.mu.Unlock()
		l.retire()
		return
	}
	c.idle = append(c.idle, l)
	if len(c.idle) <= c.lent+spareThreads {
		c.mu.Unlock()
		return
	}
	keep := c.lent + spareThreads
	surplus := slices.Clone(c.idle[keep:])
	clear(c.idle[keep:])
	c.idle = c.idle[:keep]
	c.mu.Unlock()
	for _, l := range surplus {
		l.retire()
	}
}

// retire ends a thread that nobody will borrow any more.
func (l *lease) retire() {
	l.conn.vat.Unpin(l.local)
	l.identity.release()
}

type threadKey struct{}

// WithThread returns a context whose calls all come from one thread with the
// given name, so that a peer runs them on one thread of its own, in order, and
// its calls back run on this one while it waits. The thread lasts until release
// is called, or the context has been collected. Calls made with the context at
// the same time share the thread.
//
// The context that a method is served with carries its thread already.
func WithThread(ctx context.Context, name string) (_ context.Context, release func()) {
	t := &Thread{name: name}
	t.queue.Acquire()
	held := &heldThread{t}
	end := sync.OnceFunc(func() {
		t.release()
		t.queue.Yield()
	})
	cleanup := runtime.AddCleanup(held, func(end func()) { end() }, end)
	return context.WithValue(ctx, threadKey{}, held), func() {
		cleanup.Stop()
		end()
	}
}

// threadOf returns the thread that ctx carries, nil if none.
func threadOf(ctx context.Context) *Thread {
	switch cur := ctx.Value(threadKey{}).(type) {
	case *heldThread:
		return cur.Thread
	case *ServerCall:
		return cur.onThread()
	}
	return nil
}

// release ends what the thread is on its connections.
func (t *Thread) release() {
	t.mu.Lock()
	on := t.on
	t.on = nil
	t.mu.Unlock()
	for c, i := range on {
		c.mu.Lock()
		delete(c.known, t)
		c.mu.Unlock()
		c.vat.Unpin(i.local)
		i.release()
	}
}

func (i *identity) release() {
	i.local.Release()
	i.remote.Release()
}

// forget drops what the thread was on a connection that has ended.
func (t *Thread) forget(c *Conn) {
	t.mu.Lock()
	i := t.on[c]
	delete(t.on, c)
	t.mu.Unlock()
	if i != nil {
		i.release()
	}
}

// identityOn returns what the thread is on a connection, with a thread of the
// peer, as new references.
func (t *Thread) identityOn(c *Conn) (local, remote *vat.Cap, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.on[c]
	if i == nil {
		remote, err := c.remoteThread(t.name)
		if err != nil {
			return nil, nil, err
		}
		c.mu.Lock()
		if c.ended {
			c.mu.Unlock()
			remote.Release()
			return nil, nil, c.vat.AfterEnd()
		}
		c.known[t] = struct{}{}
		c.mu.Unlock()
		i = &identity{local: c.localIdentity(t), remote: remote}
		if t.on == nil {
			t.on = map[*Conn]*identity{}
		}
		t.on[c] = i
	}
	return i.local.AddRef(), i.remote.AddRef(), nil
}

// ThreadName returns the name of the thread that ctx carries, "" if none.
func ThreadName(ctx context.Context) string {
	if t := threadOf(ctx); t != nil {
		return t.name
	}
	return ""
}

type poolKey struct{}

// WithPool returns a context whose calls name no thread: the peer runs them on
// the pool that [Conn.MakePool] asked for.
func WithPool(ctx context.Context) context.Context {
	return context.WithValue(ctx, poolKey{}, true)
}

// addThread finds the thread that a call comes from and writes the call's
// context and thread map.
func (call *ClientCall) addThread() error {
	conn, m, q := call.conn, call.method, call.q
	if m.ParamsThreadMap > 0 {
		p := q.AddCap(conn.localThreadMap())
		if err := q.Params().SetPtr(uint16(m.ParamsThreadMap-1), p); err != nil {
			return err
		}
	}
	var local, remote *vat.Cap
	var err error
	switch cur := call.ctx.Value(threadKey{}).(type) {
	case *heldThread:
		call.thread = cur.Thread
		if m.Context > 0 {
			local, remote, err = cur.identityOn(conn)
		}
	case *ServerCall:
		if call.thread = cur.onThread(); call.thread != nil && m.Context > 0 {
			local, remote, err = cur.identityOn(conn)
		}
	}
	switch {
	case err != nil:
		return err
	case m.Context == 0:
		return nil
	case call.thread == nil:
		l := conn.borrow()
		call.lease, call.thread = l, l.Thread
		if pool, _ := call.ctx.Value(poolKey{}).(bool); !pool {
			if l.remote == nil {
				if l.remote, err = conn.remoteThread(l.name); err != nil {
					return err
				}
			}
			remote = l.remote.AddRef()
		}
		local = l.local.AddRef()
	}
	callback := q.AddCap(local)
	s, err := capnp.NewStruct(q.Params().Segment(), contextSize)
	if err != nil {
		return err
	}
	if remote != nil {
		thread := q.AddCap(remote)
		if err := remote.Broken(); err != nil {
			return fmt.Errorf("the peer made no thread: %w", err)
		}
		if err := s.SetPtr(0, thread); err != nil {
			return err
		}
	}
	if err := s.SetPtr(1, callback); err != nil {
		return err
	}
	return q.Params().SetPtr(uint16(m.Context-1), s.ToPtr())
}
