package mprt

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Conn is a connection to another process. Its methods may be called
// concurrently.
type Conn struct {
	vat        *vat.Conn
	name       string
	threadName string
	maxThreads int
	log        *slog.Logger
	leaked     func(Leak)
	tap        *tap // nil if nobody listens

	osThreads    bool
	borrowedData bool
	since        time.Time

	workers atomic.Int64 // threads that the peer made
	threads atomic.Int64 // those and ours that it knows
	leaving atomic.Bool  // Shutdown was called

	mu        sync.Mutex
	ended     bool
	threadMap *vat.Cap // the peer's, nil until it gave one
	localMap  *vat.Cap // ours, nil until it was asked for
	pool      []*vat.Cap
	idle      []*lease
	lent      int                  // threads that calls have borrowed now
	borrowed  int                  // and that were made for it, ever
	known     map[*Thread]struct{} // threads that have an identity here
	built     bool                 // construct was called
}

// NewConn makes a connection of a stream, which it takes over. offer is the
// object that the peer may call first; nil for none.
func NewConn(nc net.Conn, offer *Server, opts ...Option) *Conn {
	return newConn(nc, offer, newOptions(opts), nil)
}

// newConn is NewConn with a function to be called when the connection has
// ended, which must not block: so that a connection needs no goroutine for it.
func newConn(nc net.Conn, offer *Server, o *options, ended func(*Conn)) *Conn {
	name := o.name
	if name == "" {
		name = peerName(nc)
	}
	c := &Conn{
		name:         name,
		threadName:   o.threadName,
		maxThreads:   o.maxThreads,
		osThreads:    o.osThreads,
		since:        time.Now(),
		borrowedData: o.borrowedData,
		log:          o.logger,
		leaked:       o.leaked,
		tap:          newTap(o, name),
		known:        map[*Thread]struct{}{},
	}
	vo := o.vat
	vo.Owner = c
	rec := c.tap.recording()
	if rec != nil {
		vo.Trace = rec.message
		if offer != nil {
			rec.know(offer.iface)
		}
	}
	vo.Ended = func() {
		c.unregister()
		c.drop()
		rec.ended(c.Err())
		if err := c.Err(); err != nil {
			c.log.Warn("peer disconnected", "peer", c.name, "error", err)
		} else {
			c.log.Info("peer disconnected", "peer", c.name)
		}
		if ended != nil {
			ended(c)
		}
	}
	c.vat = vat.New(nc, offer.capability(), vo)
	c.log.Info("peer connected", "peer", c.name)
	c.register()
	c.vat.Start()
	return c
}

func peerName(nc net.Conn) string {
	for _, a := range []net.Addr{nc.RemoteAddr(), nc.LocalAddr()} {
		if a != nil && a.String() != "" && a.String() != "@" {
			return a.Network() + ":" + a.String()
		}
	}
	return ""
}

// drop releases what belongs to a connection that has ended.
func (c *Conn) drop() {
	c.mu.Lock()
	c.ended = true
	caps := append([]*vat.Cap{c.threadMap, c.localMap}, c.pool...)
	c.threadMap, c.localMap, c.pool = nil, nil, nil
	idle, known := c.idle, c.known
	c.idle, c.known = nil, nil
	c.mu.Unlock()
	for _, l := range idle {
		l.identity.release()
	}
	for t := range known {
		t.forget(c)
	}
	for _, cap := range caps {
		cap.Release()
	}
}

// Bootstrap returns the object that the peer offers, to be given to a generated
// New…Client function. It does not wait: errors come out of the first call.
func (c *Conn) Bootstrap() Capability { return Capability{cap: c.vat.Bootstrap()} }

// Close ends the connection: calls in flight fail on both sides, and objects
// that the peer held here are closed.
func (c *Conn) Close() error {
	err := c.vat.Close()
	c.settle()
	return err
}

// settle waits for the record of the connection to be written.
func (c *Conn) settle() {
	if rec := c.tap.recording(); rec != nil {
		rec.settle()
	}
}

// Done is closed when the connection has ended, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return c.vat.Done() }

// Err says why the connection ended; nil while it lasts, and after an orderly
// end on either side.
func (c *Conn) Err() error {
	err := c.vat.Err()
	if errors.Is(err, vat.ErrClosed) || errors.Is(err, vat.ErrPeerLeft) {
		return nil
	}
	return err
}

// String is what errors call the peer.
func (c *Conn) String() string { return c.name }

// NetConn is the stream below, for its addresses; it must not be read from,
// written to or closed.
func (c *Conn) NetConn() net.Conn { return c.vat.NetConn() }

// localThreadMap returns a new reference to the object by which the peer makes
// threads here.
func (c *Conn) localThreadMap() *vat.Cap {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.localMap == nil {
		c.localMap = vat.NewServer(&threadMap{c})
	}
	return c.localMap.AddRef()
}

// setThreadMap takes over the peer's thread map.
func (c *Conn) setThreadMap(m Capability) {
	if m.IsNull() {
		return
	}
	c.mu.Lock()
	old := c.threadMap
	if c.ended {
		old = m.cap
	} else {
		c.threadMap = m.cap
	}
	c.mu.Unlock()
	old.Release()
}

// construct exchanges thread maps with the peer, once, without waiting.
func (c *Conn) construct(target *vat.Cap, m *Method) {
	c.mu.Lock()
	first := !c.built && !c.ended
	c.built = true
	c.mu.Unlock()
	if !first {
		return
	}
	q, err := vat.NewQuestion(target, m.InterfaceID, m.ID, m.ParamsSize)
	if err != nil {
		return
	}
	defer q.Release()
	if i := m.ParamsThreadMap; i > 0 {
		if err := q.Params().SetPtr(uint16(i-1), q.AddCap(c.localThreadMap())); err != nil {
			return
		}
	}
	q.Send()
	if i := m.ResultsThreadMap; i > 0 {
		c.setThreadMap(Capability{cap: q.Pipeline(uint16(i - 1))})
	}
}

// MakePool has the peer make n threads for calls that name none (see
// [WithPool]). A second pool is an error; a pool of none is no pool.
func (c *Conn) MakePool(ctx context.Context, n int) error {
	m := &Method{InterfaceID: threadMapID, InterfaceName: "ThreadMap", ID: makePool, Name: "makePool"}
	c.mu.Lock()
	peers := c.threadMap.AddRef()
	c.mu.Unlock()
	if peers == nil {
		return callError(m, c.name, c.noThread())
	}
	defer peers.Release()
	q, err := vat.NewQuestion(peers, m.InterfaceID, m.ID, capnp.ObjectSize{DataSize: 8})
	if err != nil {
		return callError(m, c.name, err)
	}
	defer q.Release()
	q.Params().SetUint32(0, uint32(n))
	q.Send()
	if err := q.Wait(ctx, nil); err != nil {
		return callError(m, c.name, err)
	}
	return nil
}

func isDisconnected(err error) bool { return errors.Is(err, ErrDisconnected) }
