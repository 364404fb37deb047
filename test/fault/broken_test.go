package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/faultconn"
)

// unlimited is more bytes than a session has, in each direction.
const unlimited = 1 << 20

// TestBrokenAtEveryByte has the stream of one side fail after k bytes were read or written, for every k of a session: it
// ends, it fails and stays open, or it ends in one direction.
func TestBrokenAtEveryByte(t *testing.T) {
	broken := errors.New("broken")
	for how, atLimit := range map[string]func(net.Conn) error{
		"closed":      faultconn.Close,
		"fails":       func(net.Conn) error { return broken },
		"half-closed": func(nc net.Conn) error { nc.(*net.UnixConn).CloseWrite(); return broken },
	} {
		for _, side := range []string{"client", "server"} {
			for _, op := range []string{"read", "write"} {
				t.Run(fmt.Sprintf("%s %ss, %s", side, op, how), func(t *testing.T) {
					sweep(t, func(k int) (near, far net.Conn, hit func() bool) {
						near, far = socketPair(t)
						limits := [2]int{-1, -1}
						if op == "read" {
							limits[0] = k
						} else {
							limits[1] = k
						}
						var once sync.Once
						reached := make(chan struct{})
						brittle := &near
						if side == "server" {
							brittle = &far
						}
						*brittle = faultconn.New(*brittle, limits[0], limits[1], func(nc net.Conn) error {
							once.Do(func() { close(reached) })
							return atLimit(nc)
						})
						return near, far, func() bool {
							select {
							case <-reached:
								return true
							default:
								return false
							}
						}
					})
				})
			}
		}
	}
}

// TestCutAtEveryByte cuts the way between two sockets after k bytes, for every k of a session: in both directions, or in
// one, so that the receiver sees the end of the stream and the sender a broken pipe.
func TestCutAtEveryByte(t *testing.T) {
	for _, direction := range []string{"to the server", "to the client"} {
		for _, half := range []bool{false, true} {
			name := direction
			if half {
				name += ", half"
			}
			t.Run(name, func(t *testing.T) {
				sweep(t, func(k int) (near, far net.Conn, hit func() bool) {
					near, a := socketPair(t)
					far, b := socketPair(t)
					if direction == "to the client" {
						a, b = b, a
					}
					cut := make(chan bool, 1)
					go func() {
						n := pipe(b, a, k)
						cut <- n == k
						if !half || n < k {
							a.Close()
							b.Close()
							return
						}
						a.CloseRead()
						b.CloseWrite()
					}()
					go func() {
						pipe(a, b, unlimited)
						a.Close()
						b.Close()
					}()
					return near, far, func() bool { return <-cut }
				})
			})
		}
	}
}

// pipe passes n bytes on, or those that there are.
func pipe(dst, src net.Conn, n int) (passed int) {
	buf := make([]byte, 1<<14)
	for passed < n {
		got, err := src.Read(buf[:min(len(buf), n-passed)])
		passed += got
		if _, werr := dst.Write(buf[:got]); err != nil || werr != nil {
			return passed
		}
	}
	return passed
}

// sweep plays a session over streams that connect makes to break at k, for every k until that is not reached any more.
func sweep(t *testing.T, connect func(k int) (near, far net.Conn, hit func() bool)) {
	checkLeaks(t)
	steps, longest := 0, time.Duration(0)
	for k := firstOf(*every); ; k += *every {
		near, far, hit := connect(k)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		var executed, done tally
		s := &server{executed: executed.add}
		served := make(chan struct{})
		begin := time.Now()
		go func() {
			defer close(served)
			// Its stream failed, perhaps with an error of its own.
			_ = s.serve(ctx, far)
		}()
		c := mprt.NewConn(near, nil)
		step := fmt.Sprintf("byte %d", k)
		explained(t, step, play(ctx, c, done.add))
		c.Close()
		<-served
		if ctx.Err() != nil {
			t.Errorf("%s: it does not end", step)
		}
		cancel()
		longest = max(longest, time.Since(begin))
		compare(t, step, &executed, &done)
		if !hit() || t.Failed() {
			break
		}
		steps++
	}
	t.Logf("broken at %d bytes; a session took %v at most", steps, longest)
	if steps == 0 {
		t.Error("nothing broke")
	}
}
