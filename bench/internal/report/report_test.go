package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/bench/internal/harness"
)

func TestRender(t *testing.T) {
	dir := t.TempDir()
	page := "before\n<!-- begin: comparison, by bench/run --docs -->\nold\n<!-- end: comparison -->\nbetween\n<!-- begin: scale, by bench/run --docs -->\nkept\n<!-- end: scale -->\nafter\n"
	file := filepath.Join(dir, "benchmarks.md")
	if err := os.WriteFile(file, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	r := Report{Results: []harness.Result{
		{Op: "add", Impl: "raw", Conc: 1, P50: 20, XRaw: 1},
		{Op: "add", Impl: "ttrpc", Conc: 1, P50: 50, XRaw: 2.5},
		{Op: "callback", Impl: "raw", Conc: 1, P50: 20, XRaw: 1},
	}}
	if err := r.Render(dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n", "| add (no context) | 1.00 | 2.50 |\n", "\nbetween\n", "\nkept\n", "\nafter\n"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(string(got), "old") {
		t.Errorf("the page still has the old section:\n%s", got)
	}
	for _, k := range plotKinds {
		plot, err := os.ReadFile(filepath.Join(dir, "benchmarks", k.file))
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(strings.NewReader(string(plot)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", k.file, err)
			}
		}
	}
	plot, err := os.ReadFile(filepath.Join(dir, "benchmarks", "latency-two-cores.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(plot), "2.50") || !strings.Contains(string(plot), "not offered") {
		t.Errorf("the plot does not show the figures:\n%s", plot)
	}
}

func TestRenderWithoutMarks(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "benchmarks.md"), []byte("nothing\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := Report{Results: []harness.Result{{Op: "add", Impl: "raw"}}}.Render(dir)
	if err == nil || !strings.Contains(err.Error(), "begin: comparison") {
		t.Errorf("got error %v", err)
	}
}
