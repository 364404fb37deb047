package fault

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// childEnv has this binary be the process that is killed: "client" or "server", over the descriptor that is its last
// argument.
const childEnv = "MPGO_FAULT_CHILD"

func child(mode string) {
	ctx := context.Background()
	fd := os.Args[len(os.Args)-1]
	if mode == "server" {
		s := &server{executed: writeID}
		// How it ends is for the parent to see.
		_ = mprt.ServeSpawned(ctx, fd, foo.NewFooInterfaceServer(s))
		os.Exit(0)
	}
	nc, err := net.FileConn(os.NewFile(3, "parent"))
	if err == nil {
		err = play(ctx, mprt.NewConn(nc, nil), writeID)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// startChild starts a process that is a client or a server, and returns its stream.
func startChild(t *testing.T, mode string) (cmd *exec.Cmd, nc net.Conn, ids io.Reader) {
	t.Helper()
	near, far := socketPair(t)
	defer far.Close()
	theirs, err := far.File()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(path, "3")
	cmd.Env = append(os.Environ(), childEnv+"="+mode, "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd, near, out
}

// TestKilledAtEveryStep kills the client or the server with SIGKILL just before, or just after, the n-th message of a
// session is delivered, for every n.
func TestKilledAtEveryStep(t *testing.T) {
	for _, victim := range []string{"server", "client"} {
		for _, before := range []bool{true, false} {
			name := victim + " after a message"
			if before {
				name = victim + " before a message"
			}
			t.Run(name, func(t *testing.T) {
				checkLeaks(t)
				steps, longest := 0, time.Duration(0)
				for n := 1 + firstOf(everyMessage()); ; n += everyMessage() {
					took, killed := killedAt(t, victim, before, n)
					if t.Failed() || !killed {
						break
					}
					steps++
					longest = max(longest, took)
				}
				t.Logf("killed at %d steps; the other side was done after %v at most", steps, longest)
				if steps == 0 {
					t.Error("nothing was killed")
				}
			})
		}
	}
}

// killedAt plays one session. killed is false if it has no n-th message.
func killedAt(t *testing.T, victim string, before bool, n int) (took time.Duration, killed bool) {
	cmd, theirs, written := startChild(t, victim)
	near, far := socketPair(t)
	var killedAt time.Time
	r := &relay{at: n, before: before, kill: func() {
		killed, killedAt = true, time.Now()
		cmd.Process.Kill()
	}}
	var wg sync.WaitGroup
	wg.Go(func() { r.pass(far, theirs) })
	wg.Go(func() { r.pass(theirs, far) })

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var executed, done tally
	step := fmt.Sprintf("%s, message %d", victim, n)
	var ended time.Time
	if victim == "server" {
		c := mprt.NewConn(near, nil)
		explained(t, step, play(ctx, c, done.add))
		if r.reached() {
			<-c.Done()
		}
		ended = time.Now()
		c.Close()
	} else {
		s := &server{executed: executed.add}
		explained(t, step, s.serve(ctx, near))
		ended = time.Now()
	}
	wg.Wait()
	if killed {
		took = ended.Sub(killedAt)
	}
	other := &executed
	if victim == "client" {
		other = &done
	}
	other.readAll(t, written)
	err := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		t.Errorf("%s: it does not end", step)
	case !killed && err != nil:
		t.Errorf("%s: %v", step, err)
	case killed && took > *within:
		t.Errorf("%s: it took %v to end", step, took)
	}
	compare(t, step, &executed, &done)
	return took, killed
}

// relay passes messages on, and kills at one of them.
type relay struct {
	at     int
	before bool
	kill   func()

	mu sync.Mutex
	n  int
}

// reached reports whether the message has come.
func (r *relay) reached() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n >= r.at
}

// pass passes on one direction, and ends both sides when it ends.
func (r *relay) pass(dst, src net.Conn) {
	defer dst.Close()
	defer src.Close()
	for {
		frame, err := readFrame(src)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.n++
		now := r.n == r.at
		if now && r.before {
			r.kill()
		}
		// Who is killed may not read any more.
		_, err = dst.Write(frame)
		if now && !r.before {
			r.kill()
		}
		r.mu.Unlock()
		if err != nil && !now {
			return
		}
	}
}

// readFrame reads one message of a peer that does nothing wrong.
func readFrame(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, 4); err != nil {
		return nil, err
	}
	segments := int64(binary.LittleEndian.Uint32(b.Bytes())) + 1
	if _, err := io.CopyN(&b, r, 4*(segments|1)); err != nil {
		return nil, err
	}
	size := int64(0)
	for i := range segments {
		size += 8 * int64(binary.LittleEndian.Uint32(b.Bytes()[4+4*i:]))
	}
	_, err := io.CopyN(&b, r, size)
	return b.Bytes(), err
}
