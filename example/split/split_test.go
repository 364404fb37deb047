package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/example/split/stats"
)

// TestMain lets the test's own program be the child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestSplit runs the same code with the analyzer here and in a child.
func TestSplit(t *testing.T) {
	for name, newAnalyzer := range map[string]func() stats.Analyzer{"one process": stats.New, "two processes": spawnAnalyzer} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := count(newAnalyzer, strings.NewReader("one three\nthirteen\n\n"), &out); err != nil {
				t.Fatal(err)
			}
			if want := "3 words in 3 lines; the longest is \"thirteen\"\n"; out.String() != want {
				t.Errorf("got %q, want %q", out.String(), want)
			}
		})
	}
}
