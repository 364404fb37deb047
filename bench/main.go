// Bench compares calls across processes: mpgo, what a user could pick instead, and the bytes alone. Run it by ./run, beside this file.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mpgo-dev/mpgo/bench/internal/harness"
	"github.com/mpgo-dev/mpgo/bench/internal/peers"
	"github.com/mpgo-dev/mpgo/bench/internal/report"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 3 && args[0] == harness.ServerRole {
		return harness.RunServer(args[1], args[2])
	}
	if len(args) == 3 && args[0] == harness.ClientRole {
		return harness.RunClient(args[1], args[2])
	}

	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	jsonFile := flags.String("json", "", "write every figure to this `file`")
	docs := flags.String("docs", "", "render the tables and plots into benchmarks.md in this `directory`")
	quick := flags.Bool("quick", false, "few and short rounds: done within two minutes")
	impls := flags.String("impl", "", "only these peers, separated by commas: "+strings.Join(peers.Names(), ", "))
	ops := flags.String("op", "", "only these operations, separated by commas: "+strings.Join(workloadNames(), ", "))
	scale := flags.Bool("scale", false, "measure how call cost and memory grow with objects and connections instead")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	c := harness.Config{Peers: peers.Names(), Workloads: peers.Workloads, Rounds: 21, Sample: 150 * time.Millisecond, Warm: 40 * time.Millisecond, Progress: os.Stderr}
	if *quick {
		// What is left of two minutes is for the build.
		c.Rounds, c.Sample, c.Warm, c.Budget = 5, 50*time.Millisecond, 12*time.Millisecond, 55*time.Second
	}
	if *impls != "" {
		c.Peers = strings.Split(*impls, ",")
		for _, name := range c.Peers {
			if _, err := peers.Get(name); err != nil {
				return err
			}
		}
	}
	if *ops != "" {
		c.Workloads = nil
		for _, name := range strings.Split(*ops, ",") {
			i := slices.IndexFunc(peers.Workloads, func(w peers.Workload) bool { return w.Name == name })
			if i < 0 {
				return fmt.Errorf("no operation is named %q; there are %q", name, workloadNames())
			}
			c.Workloads = append(c.Workloads, peers.Workloads[i])
		}
	}

	r := report.Report{Machine: report.ThisMachine()}
	var err error
	if *scale {
		r.Scale, err = harness.Scale(c)
	} else {
		r.Results, err = harness.Compare(c)
	}
	if err != nil {
		return err
	}
	if err := r.Table(os.Stdout); err != nil {
		return err
	}
	if *jsonFile != "" {
		data, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*jsonFile, append(data, '\n'), 0o666); err != nil {
			return err
		}
	}
	if *docs != "" {
		return r.Render(*docs)
	}
	return nil
}

func workloadNames() []string {
	var names []string
	for _, w := range peers.Workloads {
		names = append(names, w.Name)
	}
	return names
}
