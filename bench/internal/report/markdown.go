package report

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mpgo-dev/mpgo/bench/internal/harness"
	"github.com/mpgo-dev/mpgo/bench/internal/peers"
)

// What is rendered goes between two lines of benchmarks.md like these; the rest of the page is written by hand.
const (
	beginMark = "<!-- begin: %s, by bench/run --docs -->\n"
	endMark   = "<!-- end: %s -->\n"
)

// Render writes the tables into benchmarks.md in dir and the plots into the folder benchmarks beside it. What this run did not measure, the
// comparison or the scale, stays as it is.
func (r Report) Render(dir string) error {
	file := filepath.Join(dir, "benchmarks.md")
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if len(r.Results) > 0 {
		if page, err = replaceSection(page, "comparison", r.comparison()); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		plots := filepath.Join(dir, "benchmarks")
		if err := os.MkdirAll(plots, 0o777); err != nil {
			return err
		}
		for name, plot := range r.plots() {
			if err := os.WriteFile(filepath.Join(plots, name), plot, 0o666); err != nil {
				return err
			}
		}
	}
	if len(r.Scale) > 0 {
		if page, err = replaceSection(page, "scale", r.scale()); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return os.WriteFile(file, page, 0o666)
}

// replaceSection puts text between a section's two marks.
func replaceSection(page []byte, name, text string) ([]byte, error) {
	begin, end := fmt.Appendf(nil, beginMark, name), fmt.Appendf(nil, endMark, name)
	before, rest, ok := bytes.Cut(page, begin)
	_, after, ok2 := bytes.Cut(rest, end)
	if !ok || !ok2 {
		return nil, fmt.Errorf("the lines %q and %q are not both there", begin, end)
	}
	return slices.Concat(before, begin, []byte(text), end, after), nil
}

// comparison renders what Compare measured.
func (r Report) comparison() string {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "Machine: %s, %d CPUs, Linux %s, %s.", m.CPU, m.Cores, m.Kernel, m.Go)
	for i, path := range slices.Sorted(maps.Keys(m.Modules)) {
		sep := ", "
		if i == 0 {
			sep = " Peers: "
		}
		fmt.Fprintf(&b, "%s%s %s", sep, path, m.Modules[path])
	}
	b.WriteString(".\n")
	for _, p := range plotKinds {
		fmt.Fprintf(&b, "\n![%s](benchmarks/%s)\n", p.title, p.file)
	}
	ratio := func(v harness.Result) string { return fmt.Sprintf("%.2f", v.XRaw) }
	p99 := func(v harness.Result) string { return figure(v.P99) }
	cpu := func(v harness.Result) string { return figure(v.CPU + v.CPUServer) }
	for _, t := range []struct {
		title string
		pin   bool
		value func(harness.Result) string
	}{
		{"Median time of a call as a multiple of raw, two cores", false, ratio},
		{"Median time of a call as a multiple of raw, pinned to one core", true, ratio},
		{"Median time of a call in µs, two cores", false, func(v harness.Result) string { return figure(v.P50) }},
		{"99th percentile of a call in µs, two cores", false, p99},
		{"99th percentile of a call in µs, pinned to one core", true, p99},
		{"CPU time of both processes in µs per call, two cores", false, cpu},
		{"CPU time of both processes in µs per call, pinned to one core", true, cpu},
		{"Calls a second, two cores", false, func(v harness.Result) string { return figure(v.OpsS) }},
		{"Calls a second, pinned to one core", true, func(v harness.Result) string { return figure(v.OpsS) }},
		{"Allocations per call, client + server", false, func(v harness.Result) string { return fmt.Sprintf("%.0f + %.0f", v.Alloc, v.AllocServer) }},
		{"Peak memory of the server in MB, two cores", false, func(v harness.Result) string { return fmt.Sprintf("%.0f", v.RSSServer/1e6) }},
	} {
		r.matrix(&b, t.title, t.pin, t.value)
	}
	return b.String()
}

// matrix renders one figure of every workload and peer.
func (r Report) matrix(b *strings.Builder, title string, pin bool, value func(harness.Result) string) {
	impls := r.impls()
	fmt.Fprintf(b, "\n### %s\n\n| |", title)
	for _, impl := range impls {
		fmt.Fprintf(b, " %s |", impl)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(impls)) + "\n")
	for _, w := range peers.Workloads {
		var row strings.Builder
		measured := false
		for _, impl := range impls {
			if v, ok := r.find(w.Name, impl, pin); ok {
				measured = true
				fmt.Fprintf(&row, " %s |", value(v))
			} else {
				row.WriteString(" – |")
			}
		}
		if measured {
			fmt.Fprintf(b, "| %s |%s\n", w.Title, &row)
		}
	}
}

// scale renders what Scale measured.
func (r Report) scale() string {
	var b strings.Builder
	b.WriteString("\n| | | N | add, µs | × the first | bytes of one, client + server | resident | goroutines of one |\n|---|---|--:|--:|--:|--:|--:|--:|\n")
	for _, v := range r.Scale {
		memory := "| | |"
		if v.BytesServer != 0 {
			memory = fmt.Sprintf("| %.0f + %.0f | %.0f + %.0f | %.1f + %.1f |", v.BytesClient, v.BytesServer, v.RSSClient, v.RSSServer,
				v.GoroutinesClient, v.GoroutinesServer)
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %.1f | %.2f %s\n", v.Impl, v.What, v.N, v.P50, v.XFirst, memory)
	}
	return b.String()
}

// figure prints a positive number with about three digits.
func figure(v float64) string {
	switch {
	case v >= 100_000:
		return fmt.Sprintf("%.0fk", v/1e3)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
