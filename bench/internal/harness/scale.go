package harness

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mpgo-dev/mpgo/bench/internal/peers"
)

// ScaleResult is one point of the scale benchmark.
type ScaleResult struct {
	Impl string `json:"impl"`
	// What grows: "objects" live on one connection, "connections" of which one is used, "connections in turn" which are all used.
	What string `json:"what"`
	N    int    `json:"n"`
	// P50 is add's, in microseconds, and XFirst its ratio to the smallest N's: the medians over all rounds.
	P50    float64 `json:"us_p50"`
	XFirst float64 `json:"x_first"`
	// Bytes and goroutines that one of N costs each side; 0 if N is too small to tell.
	BytesClient      float64 `json:"bytes_client"`
	BytesServer      float64 `json:"bytes_server"`
	RSSClient        float64 `json:"rss_client"`
	RSSServer        float64 `json:"rss_server"`
	GoroutinesClient float64 `json:"goroutines_client"`
	GoroutinesServer float64 `json:"goroutines_server"`
}

// tellingN is how many objects or connections it takes for the memory of one to show.
const tellingN = 1000

var (
	objectCounts     = []int{1, 10, 100, 1000, 10_000, 100_000}
	connectionCounts = []int{1, 10, 100, 1000, 10_000}
)

// Scale measures how the cost of a call and the memory of a process grow with live objects and with connections. Every count has processes of its
// own, and the counts are measured in turn, so that noise falls on all of them.
func Scale(c Config) ([]ScaleResult, error) {
	dir, err := os.MkdirTemp("", "mpgo-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var results []ScaleResult
	number := 0
	for _, peer := range c.Peers {
		if peer == peers.Raw {
			continue
		}
		for _, g := range []struct {
			what   string
			counts []int
			grow   func(*process, int) error
			call   command
		}{
			{"objects", objectCounts, hold, cmdCall},
			{"connections", connectionCounts, connect, cmdCall},
			{"connections in turn", connectionCounts, connect, cmdCallAll},
		} {
			fmt.Fprintf(c.Progress, "%s: %s\n", peer, g.what)
			r, err := c.grow(dir, &number, peer, g.what, g.counts, g.grow, g.call)
			if errors.Is(err, peers.ErrNotOffered) {
				continue
			}
			if err != nil {
				return nil, err
			}
			results = append(results, r...)
		}
	}
	return results, nil
}

func hold(p *process, n int) error {
	_, err := p.ask(request{Cmd: cmdHold, N: n})
	return err
}

func connect(p *process, n int) error {
	_, err := p.ask(request{Cmd: cmdConnect, N: n})
	return err
}

// grow measures one peer with each of counts.
func (c Config) grow(dir string, number *int, peer, what string, counts []int, grow func(*process, int) error, call command) ([]ScaleResult, error) {
	cpus, err := cores(false)
	if err != nil {
		return nil, err
	}
	results := make([]ScaleResult, len(counts))
	pairs := make([]pair, 0, len(counts))
	defer func() {
		for _, p := range pairs {
			p.stop()
		}
	}()
	for i, n := range counts {
		*number++
		p, err := startPair(peer, dir, *number, cpus)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
		results[i] = ScaleResult{Impl: peer, What: what, N: n}
		if err := measureMemory(&results[i], p, func() error { return grow(p.client, n) }); err != nil {
			return nil, err
		}
	}
	p50 := make([][]float64, len(counts))
	ratio := make([][]float64, len(counts))
	order := make([]int, len(counts))
	for i := range order {
		order[i] = i
	}
	for range c.Rounds {
		shuffle(order)
		now := make([]float64, len(counts))
		for _, i := range order {
			a, err := pairs[i].client.ask(request{Cmd: call, Workload: "add", Duration: c.Sample})
			if err != nil {
				return nil, err
			}
			now[i] = micros(a.Sample.P50)
		}
		for i, v := range now {
			p50[i] = append(p50[i], v)
			ratio[i] = append(ratio[i], v/now[0])
		}
	}
	for i := range results {
		results[i].P50, results[i].XFirst = median(p50[i]), median(ratio[i])
	}
	return results, nil
}

// measureMemory fills in what one of N costs both sides when do makes N of them.
func measureMemory(r *ScaleResult, p pair, do func() error) error {
	read := func() (client, server Memory, err error) {
		// A moment for what the last calls left to be done in the background.
		time.Sleep(300 * time.Millisecond)
		a, err := p.client.ask(request{Cmd: cmdMemory})
		if err != nil {
			return
		}
		b, err := p.server.ask(request{Cmd: cmdMemory})
		return a.Memory, b.Memory, err
	}
	client0, server0, err := read()
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	client1, server1, err := read()
	if err != nil || r.N < tellingN {
		return err
	}
	n := float64(r.N)
	r.BytesClient, r.BytesServer = float64(client1.Bytes-client0.Bytes)/n, float64(server1.Bytes-server0.Bytes)/n
	r.RSSClient, r.RSSServer = float64(client1.RSS-client0.RSS)/n, float64(server1.RSS-server0.RSS)/n
	r.GoroutinesClient = float64(client1.Goroutines-client0.Goroutines) / n
	r.GoroutinesServer = float64(server1.Goroutines-server0.Goroutines) / n
	return nil
}
