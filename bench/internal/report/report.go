// Package report writes down what the harness measured: as JSON, as text, as Markdown and as plots.
package report

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/mpgo-dev/mpgo/bench/internal/harness"
	"github.com/mpgo-dev/mpgo/bench/internal/peers"
)

// Report is all that a run found out.
type Report struct {
	Machine Machine               `json:"machine"`
	Results []harness.Result      `json:"results"`
	Scale   []harness.ScaleResult `json:"scale,omitempty"`
}

// Machine says where and with what the figures were taken.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	// Modules has the versions of the peers by module path.
	Modules map[string]string `json:"modules"`
}

// ThisMachine describes the machine and the program that run.
func ThisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Modules: make(map[string]string)}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(info), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			m.CPU = strings.Trim(line, "\t :")
		}
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(release))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if slices.Contains(peerModules, dep.Path) {
				m.Modules[dep.Path] = dep.Version
			}
		}
	}
	return m
}

// peerModules are the modules whose versions a reader wants to know.
var peerModules = []string{
	"capnproto.org/go/capnp/v3", "google.golang.org/grpc", "google.golang.org/protobuf", "connectrpc.com/connect",
	"github.com/containerd/ttrpc", "storj.io/drpc",
}

// Table prints the figures for a terminal.
func (r Report) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(r.Results) > 0 {
		fmt.Fprintln(t, "op\tcores\timpl\tx raw\tp50 µs\tp99 µs\tops/s\tMB/s\tallocs c\tallocs s\tcpu µs c\tcpu µs s\trss MB s\t")
	}
	for _, v := range r.Results {
		cores := "two"
		if v.Pin {
			cores = "one"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%.1f\t%.1f\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", v.Op, cores, v.Impl, v.XRaw, v.P50, v.P99,
			v.OpsS, v.MBS, v.Alloc, v.AllocServer, v.CPU, v.CPUServer, v.RSSServer/1e6)
	}
	if len(r.Scale) > 0 {
		fmt.Fprintln(t, "impl\twhat\tn\tp50 µs\tx first\tbytes c\tbytes s\trss c\trss s\tgoroutines c\tgoroutines s\t")
	}
	for _, v := range r.Scale {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.1f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t\n", v.Impl, v.What, v.N, v.P50, v.XFirst, v.BytesClient,
			v.BytesServer, v.RSSClient, v.RSSServer, v.GoroutinesClient, v.GoroutinesServer)
	}
	return t.Flush()
}

// find returns the result of one cell, if it was measured.
func (r Report) find(op, impl string, pin bool) (harness.Result, bool) {
	i := slices.IndexFunc(r.Results, func(v harness.Result) bool { return v.Op == op && v.Impl == impl && v.Pin == pin })
	if i < 0 {
		return harness.Result{}, false
	}
	return r.Results[i], true
}

// impls lists the peers that were measured, in the order of the tables.
func (r Report) impls() []string {
	return slices.DeleteFunc(peers.Names(), func(name string) bool {
		return !slices.ContainsFunc(r.Results, func(v harness.Result) bool { return v.Impl == name })
	})
}
