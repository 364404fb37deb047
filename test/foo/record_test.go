package foo_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

var recordLine = regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{6} (\d+) (\w+) (→|←|--) (.+)\n$`)

// recorded takes the lines of a record apart: those of each connection, without the time and the number.
func recorded(t *testing.T, record string) map[string][]string {
	t.Helper()
	conns := map[string][]string{}
	for line := range strings.Lines(record) {
		parts := recordLine.FindStringSubmatch(line)
		if parts == nil {
			t.Fatalf("this is no line of a record: %q", line)
		}
		conns[parts[1]] = append(conns[parts[1]], strings.Join(parts[2:], " "))
	}
	return conns
}

// wantInOrder fails the test unless there are lines that match, in this order. What a group of the pattern has matched
// is {1}, {2}, … in those that follow.
func wantInOrder(t *testing.T, lines []string, patterns ...string) {
	t.Helper()
	var groups []string
	rest := lines
	for _, pattern := range patterns {
		for i, g := range groups {
			pattern = strings.ReplaceAll(pattern, fmt.Sprintf("{%d}", i+1), g)
		}
		re, found := regexp.MustCompile("^"+pattern+"$"), false
		for i, line := range rest {
			if m := re.FindStringSubmatch(line); m != nil {
				groups, rest, found = append(groups, m[1:]...), rest[i+1:], true
				break
			}
		}
		if !found {
			t.Fatalf("no line %s where it should be in\n%s", pattern, strings.Join(lines, "\n"))
		}
	}
}

// Every message is in the record, both ways, with the names of methods, and so are the ends of the connection.
func TestRecorder(t *testing.T) {
	checkLeaks(t)
	out := new(lines)
	f := dialThreads(t, sameProcess{}, mprt.WithRecorder(out))
	if _, err := f.Add(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	if r, err := f.PassFn(t.Context(), func(context.Context) (int32, error) { return 5, nil }); err != nil || r != 5 {
		t.Fatal(r, err)
	}
	// What is large is in its message, though it is not copied to it without a record.
	large := []byte(strings.Repeat("x", 1<<20))
	if got, err := f.PassData(t.Context(), large); err != nil || len(got) != len(large) {
		t.Fatal(len(got), err)
	}
	stats := f.conn.Stats()
	f.conn.Close()

	// When Close has returned, it is all written.
	record := out.take()
	conns := recorded(t, record)
	if len(conns) != 1 {
		t.Fatalf("%d connections", len(conns))
	}
	got := conns["1"]
	wantInOrder(t, got,
		`server -- connected`,
		`server → bootstrap #(\d+)`,
		`server ← return #{1} caps \[senderHosted \d+\] <0>`,
		`server → finish #{1} releaseResultCaps=false`,
		`server → call #(\d+) import \d+ FooInterface\.add \(0x200000001\)`,
		`server ← return #{2} noFinishNeeded \(0x3\)`,
		`server → call #(\d+) import \d+ FooInterface\.passFn caps \[.+\] \(.+\)`,
		`server ← call #(\d+) import \d+ FooFn\.call caps \[.+\] \(.+\)`,
		`server → return #{4} .*\(0x5\)`,
		`server ← return #{3} .*\(0x5\)`,
		`server → call #(\d+) import \d+ FooInterface\.passData \(1048576:7878.*`,
		`server ← return #{5} noFinishNeeded \(1048576:7878.*`,
		`server -- disconnected`,
	)
	wantInOrder(t, got, `server → call #\d+ (?:answer #\d+|import \d+) FooInterface\.initThreadMap caps \[senderHosted \d+\] \(<0>\)`)
	wantInOrder(t, got, `server → call #\d+ import \d+ ThreadMap\.makeThread \("thread-\d+"\)`)
	if last := got[len(got)-1]; last != "server -- disconnected" {
		t.Error("the last line is", last)
	}
	messages := strings.Count(record, "→") + strings.Count(record, "←")
	if n := stats.MessagesSent + stats.MessagesReceived; messages < int(n) || messages > int(n)+5 {
		t.Errorf("%d messages of %d", messages, n)
	}
	for line := range strings.Lines(record) {
		if len(line) > 600 {
			t.Error("it is not cut:", len(line))
		}
	}
}

// onlyOnce is a writer that must not be called concurrently.
type onlyOnce struct {
	lines
	busy atomic.Bool
	bad  atomic.Bool
}

func (w *onlyOnce) Write(b []byte) (int, error) {
	if w.busy.Swap(true) {
		w.bad.Store(true)
	}
	defer w.busy.Store(false)
	return w.lines.Write(b)
}

// Connections that have the same option share the writer: both ends of some here.
func TestRecorderShared(t *testing.T) {
	checkLeaks(t)
	out := new(onlyOnce)
	opt := mprt.WithRecorder(out)
	const n, calls = 3, 20
	var fs []*client
	for range n {
		fs = append(fs, dialThreads(t, sameProcess{[]mprt.Option{opt}}, opt))
	}
	var wg sync.WaitGroup
	for i, f := range fs {
		wg.Go(func() {
			for j := range int32(calls) {
				if sum, err := f.Add(t.Context(), int32(i), j); err != nil || sum != int32(i)+j {
					t.Error(sum, err)
				}
			}
		})
	}
	wg.Wait()
	for _, f := range fs {
		f.conn.Close()
	}
	if out.bad.Load() {
		t.Error("the writer was called twice at a time")
	}
	conns := recorded(t, out.take())
	if len(conns) != 2*n {
		t.Errorf("%d connections", len(conns))
	}
	sent, received := map[string]int{}, map[string]int{}
	for _, lines := range conns {
		for _, line := range lines {
			if _, params, ok := strings.Cut(line, " FooInterface.add "); !ok {
				continue
			} else if strings.HasPrefix(line, "server →") {
				sent[params]++
			} else if strings.HasPrefix(line, "client ←") {
				received[params]++
			} else {
				t.Error(line)
			}
		}
	}
	if len(sent) != n*calls {
		t.Errorf("%d calls were sent", len(sent))
	}
	for params := range sent {
		if sent[params] != 1 || received[params] != 1 {
			t.Errorf("add%s: sent %d times, received %d times", params, sent[params], received[params])
		}
	}
}

// badWriter fails.
type badWriter struct{ n atomic.Int64 }

func (w *badWriter) Write([]byte) (int, error) { w.n.Add(1); return 0, errors.New("the disk is full") }

// A writer that fails is the record's affair only.
func TestRecorderFails(t *testing.T) {
	checkLeaks(t)
	out := new(badWriter)
	f := dialThreads(t, sameProcess{}, mprt.WithRecorder(out))
	for i := range int32(10) {
		if sum, err := f.Add(t.Context(), i, 1); err != nil || sum != i+1 {
			t.Fatal(sum, err)
		}
	}
	f.conn.Close()
	if out.n.Load() == 0 {
		t.Error("nothing was written")
	}
	if err := f.conn.Err(); err != nil {
		t.Error(err)
	}
	// None is none.
	f = dialThreads(t, sameProcess{}, mprt.WithRecorder(out), mprt.WithRecorder(nil))
	before := out.n.Load()
	f.conn.Close()
	if out.n.Load() != before {
		t.Error("it was recorded")
	}
}

// stuckWriter does not return until it may.
type stuckWriter struct {
	lines
	free  chan struct{}
	wrote chan struct{}
}

func (w *stuckWriter) Write(b []byte) (int, error) {
	<-w.free
	n, err := w.lines.Write(b)
	w.wrote <- struct{}{}
	return n, err
}

// A writer that blocks holds up neither calls nor the end of the connection. Messages that there is no room for are
// counted.
func TestRecorderBlocked(t *testing.T) {
	checkLeaks(t)
	out := &stuckWriter{free: make(chan struct{}), wrote: make(chan struct{}, 100)}
	f := dialThreads(t, sameProcess{}, mprt.WithRecorder(out))
	reason := strings.Repeat("a long text ", 50)
	const calls = 3000 // two lines of 500 bytes each
	ctx := within(t)
	for range calls {
		if _, err := f.PassData(ctx, []byte(reason)); err != nil {
			t.Fatal(err)
		}
	}
	f.conn.Close()
	if text := out.take(); text != "" {
		t.Errorf("%d bytes were written", len(text))
	}
	close(out.free)
	text, missing := "", regexp.MustCompile(`-- (\d+) lines are missing: the writer is too slow\n`)
	for !missing.MatchString(text) {
		select {
		case <-out.wrote:
			text += out.take()
		case <-ctx.Done():
			t.Fatalf("nothing is missing in %d bytes", len(text))
		}
	}
	if len(text) > 2<<20 {
		t.Errorf("%d bytes were kept", len(text))
	}
	var lost int
	fmt.Sscan(missing.FindStringSubmatch(text)[1], &lost)
	if n := strings.Count(text, "\n") - 1 + lost; n < 2*calls || n > 2*calls+50 {
		t.Errorf("%d lines, and %d are missing", strings.Count(text, "\n"), lost)
	}
}
