// Package harness runs peers as pairs of processes and measures them.
package harness

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/mpgo-dev/mpgo/bench/internal/peers"
)

// Config says what to compare and for how long.
type Config struct {
	Peers     []string // the raw peer is always measured too
	Workloads []peers.Workload
	Rounds    int
	// Budget, if not 0, ends the run early, but not before the second round: no round begins that would probably end later.
	Budget time.Duration
	// Each measurement is one Sample long, after one Warm.
	Sample, Warm time.Duration
	// Progress gets a line about each round.
	Progress io.Writer
}

// Result is one row of the report: the medians over all rounds.
type Result struct {
	Op   string `json:"op"`
	Impl string `json:"impl"`
	// Conc is the number of callers.
	Conc int `json:"conc"`
	// Pin says that both processes shared one CPU; otherwise they shared two.
	Pin   bool    `json:"pin"`
	P50   float64 `json:"us_p50"`
	P99   float64 `json:"us_p99"`
	OpsS  float64 `json:"ops_s"`
	MBS   float64 `json:"mb_s"`  // payload in one direction, in 10^6 bytes; 0 except for data
	XRaw  float64 `json:"x_raw"` // the median of the rounds' ratios of P50 to raw's in the same round
	Alloc float64 `json:"allocs_client"`
	// AllocServer and the rest are per operation, like Alloc, but for the peak of the resident set, in bytes.
	AllocServer float64 `json:"allocs_server"`
	CPU         float64 `json:"cpu_us_client"`
	CPUServer   float64 `json:"cpu_us_server"`
	RSSServer   float64 `json:"rss_server"`
}

// cell is what a row is about.
type cell struct {
	workload, peer string
	pin            bool
}

// Compare measures every workload with every peer, once a round in an order that changes. All that is compared within a round is measured within
// moments of each other, so that what else the machine does disturbs everything alike.
func Compare(c Config) ([]Result, error) {
	dir, err := os.MkdirTemp("", "mpgo-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	rounds := make(map[cell][]Result)
	number := 0
	begin := time.Now()
	for round := range c.Rounds {
		pins := []bool{false, true}
		shuffle(pins)
		for _, pin := range pins {
			if err := c.round(dir, pin, &number, rounds); err != nil {
				return nil, err
			}
		}
		elapsed := time.Since(begin)
		fmt.Fprintf(c.Progress, "round %d of %d, %v\n", round+1, c.Rounds, elapsed.Round(time.Second))
		done := time.Duration(round + 1)
		if c.Budget > 0 && done >= 2 && elapsed/done*(done+1) > c.Budget {
			break
		}
	}
	return c.summary(rounds), nil
}

// round measures everything once, with new processes.
func (c Config) round(dir string, pin bool, number *int, rounds map[cell][]Result) error {
	cpus, err := cores(pin)
	if err != nil {
		return err
	}
	names := []string{peers.Raw}
	for _, name := range c.Peers {
		if name != peers.Raw {
			names = append(names, name)
		}
	}
	pairs := make(map[string]pair)
	defer func() {
		for _, p := range pairs {
			p.stop()
		}
	}()
	for _, name := range names {
		*number++
		p, err := startPair(name, dir, *number, cpus)
		if err != nil {
			return err
		}
		pairs[name] = p
	}
	workloads := slices.Clone(c.Workloads)
	shuffle(workloads)
	for _, w := range workloads {
		shuffle(names)
		measured := make(map[string]Result)
		for _, name := range names {
			r, err := c.measure(pairs[name], w)
			if errors.Is(err, peers.ErrNotOffered) {
				continue
			}
			if err != nil {
				return err
			}
			r.Op, r.Impl, r.Conc, r.Pin = w.Name, name, w.Callers, pin
			measured[name] = r
		}
		for name, r := range measured {
			r.XRaw = r.P50 / measured[peers.Raw].P50
			k := cell{w.Name, name, pin}
			rounds[k] = append(rounds[k], r)
		}
	}
	return nil
}

func shuffle[T any](s []T) { rand.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] }) }

// measure takes one sample of one workload.
func (c Config) measure(p pair, w peers.Workload) (Result, error) {
	for _, process := range []*process{p.server, p.client} {
		if _, err := process.ask(request{Cmd: cmdReset}); err != nil {
			return Result{}, err
		}
	}
	if _, err := p.client.ask(request{Cmd: cmdPrepare, Workload: w.Name, Duration: c.Warm}); err != nil {
		return Result{}, err
	}
	idle, err := p.serverUsage()
	if err != nil {
		return Result{}, err
	}
	before, err := p.serverUsage()
	if err != nil {
		return Result{}, err
	}
	a, err := p.client.ask(request{Cmd: cmdMeasure, Duration: c.Sample})
	if err != nil {
		return Result{}, err
	}
	s := a.Sample
	after, err := p.serverUsage()
	if err != nil {
		return Result{}, err
	}
	asking := before.Mallocs - idle.Mallocs // what it takes the server to answer such a question
	calls := float64(s.Calls)
	r := Result{
		P50:         micros(s.P50),
		P99:         micros(s.P99),
		OpsS:        calls / s.Elapsed.Seconds(),
		Alloc:       float64(s.Mallocs) / calls,
		AllocServer: max(0, float64(after.Mallocs-before.Mallocs)-float64(asking)) / calls,
		CPU:         s.CPUMicros / calls,
		CPUServer:   (after.CPUMicros - before.CPUMicros) / calls,
		RSSServer:   float64(after.PeakRSS),
	}
	if w.Op == peers.PassData {
		r.MBS = r.OpsS * float64(w.Bytes) / 1e6
	}
	return r, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// summary reduces the rounds to medians, in the order of the tables.
func (c Config) summary(rounds map[cell][]Result) []Result {
	var results []Result
	for _, pin := range []bool{false, true} {
		for _, w := range c.Workloads {
			for _, name := range peers.Names() {
				rs := rounds[cell{w.Name, name, pin}]
				if len(rs) == 0 {
					continue
				}
				of := func(field func(Result) float64) float64 {
					var v []float64
					for _, r := range rs {
						v = append(v, field(r))
					}
					return median(v)
				}
				results = append(results, Result{
					Op: w.Name, Impl: name, Conc: w.Callers, Pin: pin,
					P50:         of(func(r Result) float64 { return r.P50 }),
					P99:         of(func(r Result) float64 { return r.P99 }),
					OpsS:        of(func(r Result) float64 { return r.OpsS }),
					MBS:         of(func(r Result) float64 { return r.MBS }),
					XRaw:        of(func(r Result) float64 { return r.XRaw }),
					Alloc:       of(func(r Result) float64 { return r.Alloc }),
					AllocServer: of(func(r Result) float64 { return r.AllocServer }),
					CPU:         of(func(r Result) float64 { return r.CPU }),
					CPUServer:   of(func(r Result) float64 { return r.CPUServer }),
					RSSServer:   of(func(r Result) float64 { return r.RSSServer }),
				})
			}
		}
	}
	return results
}

// median returns the middle value, or the mean of the middle two.
func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}
