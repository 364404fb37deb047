package report

import (
	"bytes"
	"encoding/xml"
	"fmt"

	"github.com/mpgo-dev/mpgo/bench/internal/harness"
	"github.com/mpgo-dev/mpgo/bench/internal/peers"
)

// A plot is a page of panels, one for each workload, with a bar for each peer. Every panel has its own linear scale from zero.
type plotKind struct {
	file, title string
	pin         bool
	value       func(harness.Result) float64
	shows       func(peers.Workload) bool
}

func ratioToRaw(v harness.Result) float64 { return v.XRaw }
func oneCaller(w peers.Workload) bool     { return w.Callers == 1 && w.Op != peers.PassData }
func carriesData(w peers.Workload) bool   { return w.Op == peers.PassData }
func manyCallers(w peers.Workload) bool   { return w.Callers > 1 }

var plotKinds = []plotKind{
	{"latency-two-cores.svg", "Median time of a call, two cores: multiples of raw (less is better)", false, ratioToRaw, oneCaller},
	{"latency-one-core.svg", "Median time of a call, one core: multiples of raw (less is better)", true, ratioToRaw, oneCaller},
	{"data.svg", "Data there and back, two cores: MB/s (more is better)", false, func(v harness.Result) float64 { return v.MBS }, carriesData},
	{"callers.svg", "Many callers on one client, two cores: calls a second (more is better)", false, func(v harness.Result) float64 { return v.OpsS }, manyCallers},
}

// Sizes in pixels.
const (
	panelsPerRow = 2
	panelWidth   = 440
	titleHeight  = 40
	headHeight   = 26
	barHeight    = 16
	barGap       = 4
	labelWidth   = 90
	valueWidth   = 60
	panelGap     = 24
)

// plots renders every kind of plot, by file name.
func (r Report) plots() map[string][]byte {
	files := make(map[string][]byte)
	for _, k := range plotKinds {
		files[k.file] = r.plot(k)
	}
	return files
}

func (r Report) plot(k plotKind) []byte {
	var panels []peers.Workload
	for _, w := range peers.Workloads {
		if _, ok := r.find(w.Name, peers.Raw, k.pin); ok && k.shows(w) {
			panels = append(panels, w)
		}
	}
	impls := r.impls()
	panelHeight := headHeight + len(impls)*(barHeight+barGap) + panelGap
	rows := (len(panels) + panelsPerRow - 1) / panelsPerRow
	width, height := panelsPerRow*panelWidth+panelGap, titleHeight+rows*panelHeight

	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="12" fill="#222">`+"\n", width, height)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	text(&b, panelGap, 26, `font-size="16"`, k.title)
	for i, w := range panels {
		x, y := panelGap+i%panelsPerRow*panelWidth, titleHeight+i/panelsPerRow*panelHeight
		text(&b, x, y+16, `font-weight="bold"`, w.Title)
		most := 0.0
		for _, impl := range impls {
			if v, ok := r.find(w.Name, impl, k.pin); ok {
				most = max(most, k.value(v))
			}
		}
		for j, impl := range impls {
			top := y + headHeight + j*(barHeight+barGap)
			text(&b, x, top+12, "", impl)
			v, ok := r.find(w.Name, impl, k.pin)
			if !ok {
				text(&b, x+labelWidth, top+12, `fill="#888"`, "not offered")
				continue
			}
			length := k.value(v) / most * (panelWidth - panelGap - labelWidth - valueWidth)
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", x+labelWidth, top, length, barHeight, color(impl))
			text(&b, x+labelWidth+int(length)+6, top+12, "", figure(k.value(v)))
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func text(b *bytes.Buffer, x, y int, attributes, s string) {
	if attributes != "" {
		attributes = " " + attributes
	}
	fmt.Fprintf(b, `<text x="%d" y="%d"%s>`, x, y, attributes)
	xml.EscapeText(b, []byte(s)) // a Buffer's Write does not fail
	b.WriteString("</text>\n")
}

// color sets the limit and ourselves apart from the others.
func color(impl string) string {
	switch impl {
	case peers.Raw:
		return "#999"
	case "mpgo":
		return "#0a7d5a"
	}
	return "#6c8ebf"
}
