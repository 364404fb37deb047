package mprt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Dial connects to a peer that listens at address, "unix:PATH" or
// "tcp:HOST:PORT"; "unix:@NAME" is an abstract socket. ctx bounds the
// connecting alone. Close the connection when it is not needed any more.
//
// For any other stream, TLS say, connect as the stream's package has it, and
// give the net.Conn to [NewConn].
func Dial(ctx context.Context, address string, opts ...Option) (*Conn, error) {
	network, addr, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	o := newOptions(opts)
	nc, err := o.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if err := o.checkPeer(nc); err != nil {
		nc.Close()
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	return NewConn(nc, nil, append([]Option{WithName(address)}, opts...)...), nil
}

// dial tries to connect, once or until ctx ends.
func (o *options) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	for wait := minDialPause; ; wait = min(2*wait, maxDialPause) {
		nc, err := d.DialContext(ctx, network, addr)
		if err == nil || !o.waitForPeer || !nobodyListens(err) {
			return nc, err
		}
		if pause(ctx, wait) != nil {
			return nil, fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
	}
}

const (
	minDialPause = 5 * time.Millisecond
	maxDialPause = time.Second
)

// nobodyListens reports whether a later try to connect may succeed: the socket
// is not there yet, or left over, or its listener is busy.
func nobodyListens(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EAGAIN)
}

// Listen listens at an address as [Dial] has it.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	network, addr, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	var l net.ListenConfig
	return l.Listen(ctx, network, addr)
}

func splitAddress(address string) (network, addr string, err error) {
	network, addr, ok := strings.Cut(address, ":")
	if !ok || network != "unix" && network != "tcp" || addr == "" {
		return "", "", fmt.Errorf("address %q is not unix:PATH, unix:@NAME or tcp:HOST:PORT", address)
	}
	return network, addr, nil
}

// Serve serves the peers that connect to l until ctx ends, which is no error,
// or l fails. It closes l, then the connections (see [WithGrace]), and returns
// when that is done.
//
// l may be any listener, such as one of crypto/tls.
func Serve(ctx context.Context, l net.Listener, s *Server, opts ...Option) error {
	o := newOptions(opts)
	var slots chan struct{}
	if o.maxConnections > 0 {
		slots = make(chan struct{}, o.maxConnections)
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()

	var wg sync.WaitGroup
	defer o.recorder.settle()
	defer wg.Wait()
	var mu sync.Mutex
	open := map[*Conn]struct{}{}
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for c := range open {
			go c.shutdown(o)
		}
	}()
	for {
		if slots != nil {
			// The next peer stays in the listener's backlog until one leaves.
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
		}
		nc, err := l.Accept()
		if err != nil {
			switch {
			case ctx.Err() != nil:
				return nil
			case isTemporary(err):
				o.logger.Warn("accept", "error", err)
				if slots != nil {
					<-slots
				}
				if pause(ctx, acceptPause) != nil {
					return nil
				}
				continue
			}
			return err
		}
		if err := o.checkPeer(nc); err != nil {
			o.logger.Warn(err.Error(), "peer", peerName(nc))
			nc.Close()
			if slots != nil {
				<-slots
			}
			continue
		}
		wg.Add(1)
		mu.Lock()
		c := newConn(nc, s, o, func(c *Conn) {
			defer wg.Done()
			mu.Lock()
			delete(open, c)
			mu.Unlock()
			if slots != nil {
				<-slots
			}
		})
		open[c] = struct{}{}
		mu.Unlock()
	}
}

// ServeConn serves one peer until it leaves or ctx ends (see [WithGrace]). It
// takes nc over and returns when the connection has ended: nil if that was in
// order.
func ServeConn(ctx context.Context, nc net.Conn, s *Server, opts ...Option) error {
	o := newOptions(opts)
	if err := o.checkPeer(nc); err != nil {
		nc.Close()
		return err
	}
	c := NewConn(nc, s, opts...)
	select {
	case <-c.Done():
	case <-ctx.Done():
		c.shutdown(o)
	}
	c.settle()
	return c.Err()
}

// pause waits before something that failed is tried again.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acceptPause is long enough for descriptors to become free, and too short to
// be noticed.
const acceptPause = 20 * time.Millisecond

func isTemporary(err error) bool {
	if errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.ENOBUFS) {
		return true // of the kernel's
	}
	var ne net.Error
	//lint:ignore SA1019 nothing else says that accept may succeed later
	return errors.As(err, &ne) && ne.Temporary()
}
