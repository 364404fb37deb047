package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mpgo-dev/mpgo/bench/internal/peers"
)

// The two processes of a peer. Both obey the driver, which writes one request a line to their standard input and reads one reply a line from their
// standard output. They end when their input ends.

// request is one line from the driver.
type request struct {
	Cmd command
	// Workload names what prepare gets ready.
	Workload string `json:",omitempty"`
	// Duration is how long to call.
	Duration time.Duration `json:",omitempty"`
	// N and Conn are for the scale benchmark: how many, on which connection.
	N    int `json:",omitempty"`
	Conn int `json:",omitempty"`
}

type command string

const (
	cmdUsage   command = "usage"   // both: reply Usage
	cmdReset   command = "reset"   // both: as if nothing had been measured yet
	cmdMemory  command = "memory"  // both: reply Memory
	cmdPrepare command = "prepare" // client: make Workload's callers and warm up for Duration
	cmdMeasure command = "measure" // client: call for Duration, then let the callers go
	cmdConnect command = "connect" // client: have N connections in all
	cmdHold    command = "hold"    // client: make N more objects live on connection Conn
	cmdCall    command = "call"    // client: one caller of Workload on connection Conn, for Duration
	cmdCallAll command = "callall" // client: the same on each connection in turn
)

// reply is one line to the driver.
type reply struct {
	Err        string
	NotOffered bool
	Usage      Usage
	Memory     Memory
	Sample     Sample
}

// Sample is what a client saw in one measurement.
type Sample struct {
	Calls    int
	Elapsed  time.Duration
	P50, P99 time.Duration
	// Mallocs and CPUMicros are the client's own, in all.
	Mallocs   uint64
	CPUMicros float64
}

// RunServer is the server process: it serves the peer on a Unix socket at path.
func RunServer(name, path string) error {
	peer, err := peers.Get(name)
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	go func() {
		if err := peer.Serve(l); err != nil {
			fmt.Fprintf(os.Stderr, "%s server: %v\n", name, err)
			os.Exit(1)
		}
	}()
	return obey(commonCommand)
}

// RunClient is the client process.
func RunClient(name, path string) error {
	peer, err := peers.Get(name)
	if err != nil {
		return err
	}
	c := &clientProcess{dial: func() (peers.Client, error) { return peer.Dial(path) }}
	if err := c.connect(1); err != nil {
		return err
	}
	return obey(c.command)
}

// obey reads requests until the input ends. The first line it writes says that the process is ready.
func obey(do func(request) (reply, error)) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	if err := out.Encode(reply{}); err != nil {
		return err
	}
	for {
		var r request
		if err := in.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		answer, err := do(r)
		if errors.Is(err, peers.ErrNotOffered) {
			answer.NotOffered = true
		} else if err != nil {
			answer.Err = err.Error()
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

func commonCommand(r request) (reply, error) {
	var a reply
	var err error
	switch r.Cmd {
	case cmdUsage:
		a.Usage, err = readUsage()
	case cmdReset:
		err = reset()
	case cmdMemory:
		a.Memory, err = readMemory()
	default:
		err = fmt.Errorf("unknown command %q", r.Cmd)
	}
	return a, err
}

type clientProcess struct {
	dial    func() (peers.Client, error)
	clients []peers.Client

	// What prepare made.
	calls []func() error
	stop  []func() error
}

func (c *clientProcess) command(r request) (reply, error) {
	var a reply
	var err error
	switch r.Cmd {
	case cmdPrepare:
		err = c.prepare(r.Workload, r.Duration)
	case cmdMeasure:
		a.Sample, err = c.measure(r.Duration)
	case cmdConnect:
		err = c.connect(r.N)
	case cmdHold:
		h, ok := c.clients[r.Conn].(peers.Holder)
		if !ok {
			return a, peers.ErrNotOffered
		}
		err = h.Hold(r.N)
	case cmdCall:
		a.Sample, err = c.callOn(c.clients[r.Conn:r.Conn+1], r)
	case cmdCallAll:
		a.Sample, err = c.callOn(c.clients, r)
	default:
		return commonCommand(r)
	}
	return a, err
}

func (c *clientProcess) connect(n int) error {
	for len(c.clients) < n {
		client, err := c.dial()
		if err != nil {
			return err
		}
		c.clients = append(c.clients, client)
	}
	return nil
}

func findWorkload(name string) (peers.Workload, error) {
	i := slices.IndexFunc(peers.Workloads, func(w peers.Workload) bool { return w.Name == name })
	if i < 0 {
		return peers.Workload{}, fmt.Errorf("no workload is named %q", name)
	}
	return peers.Workloads[i], nil
}

func (c *clientProcess) prepare(name string, warm time.Duration) error {
	w, err := findWorkload(name)
	if err != nil {
		return err
	}
	c.calls = nil
	client := c.clients[0]
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = append(c.stop, func() error { cancel(); return nil })
	for range w.Callers {
		call, err := client.Caller(ctx, w)
		if err != nil {
			return err
		}
		c.calls = append(c.calls, call)
	}
	if w.Blocked {
		b, ok := client.(peers.Blocker)
		if !ok {
			return peers.ErrNotOffered
		}
		c.stop = append(c.stop, keepBlocked(b, w.Reblock))
	}
	if w.Op == peers.PassData {
		// With large data a heap grows further than reset has grown it.
		const untilGrown = 32 << 20
		for sent := 0; sent < untilGrown; sent += w.Bytes {
			if err := c.calls[0](); err != nil {
				return err
			}
		}
	}
	_, err = callFor(c.calls, warm)
	return err
}

// keepBlocked keeps one handler of b's server blocked until the returned function is called.
func keepBlocked(b peers.Blocker, reblock time.Duration) func() error {
	done := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		for {
			blocked := make(chan error, 1)
			go func() { blocked <- b.Block() }()
			var again <-chan time.Time
			if reblock > 0 {
				again = time.After(reblock)
			}
			last := false
			select {
			case <-again:
			case <-done:
				last = true
			}
			if err := errors.Join(b.Unblock(), <-blocked); err != nil || last {
				ended <- err
				return
			}
		}
	}()
	return func() error {
		close(done)
		return <-ended
	}
}

func (c *clientProcess) measure(d time.Duration) (Sample, error) {
	before, err := readUsage()
	if err != nil {
		return Sample{}, err
	}
	s, err := callFor(c.calls, d)
	if err != nil {
		return Sample{}, err
	}
	after, err := readUsage()
	s.Mallocs = after.Mallocs - before.Mallocs
	s.CPUMicros = after.CPUMicros - before.CPUMicros
	for _, stop := range c.stop {
		err = errors.Join(err, stop())
	}
	c.calls, c.stop = nil, nil
	return s, err
}

// callOn measures one caller that goes round the clients.
func (c *clientProcess) callOn(clients []peers.Client, r request) (Sample, error) {
	w, err := findWorkload(r.Workload)
	if err != nil {
		return Sample{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var calls []func() error
	for _, client := range clients {
		call, err := client.Caller(ctx, w)
		if err != nil {
			return Sample{}, err
		}
		calls = append(calls, call)
	}
	next := 0
	round := func() error {
		call := calls[next]
		next = (next + 1) % len(calls)
		return call()
	}
	for range calls { // each connection's first call is not measured
		if err := round(); err != nil {
			return Sample{}, err
		}
	}
	return callFor([]func() error{round}, r.Duration)
}

// callFor runs each caller on a goroutine of its own for d and times every call.
func callFor(calls []func() error, d time.Duration) (Sample, error) {
	const roomPerCaller = 4096
	times := make([][]time.Duration, len(calls))
	errs := make([]error, len(calls))
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	for i, call := range calls {
		ready.Add(1)
		done.Go(func() {
			mine := make([]time.Duration, 0, roomPerCaller)
			ready.Done()
			<-start
			begin := time.Now()
			for last := begin; ; {
				if errs[i] = call(); errs[i] != nil {
					break
				}
				now := time.Now()
				mine = append(mine, now.Sub(last))
				if last = now; now.Sub(begin) >= d {
					break
				}
			}
			times[i] = mine
		})
	}
	ready.Wait()
	begin := time.Now()
	close(start)
	done.Wait()
	s := Sample{Elapsed: time.Since(begin)}
	if err := errors.Join(errs...); err != nil {
		return s, err
	}
	all := slices.Concat(times...)
	slices.Sort(all)
	s.Calls = len(all)
	s.P50, s.P99 = all[len(all)/2], all[len(all)*99/100]
	return s, nil
}
