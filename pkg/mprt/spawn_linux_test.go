package mprt_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// TestSpawnKeepsNoDescriptor counts this process's descriptors.
func TestSpawnKeepsNoDescriptor(t *testing.T) {
	round := func() {
		p, _ := spawn(t, context.Background(), "serve")
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if _, err := mprt.Spawn(t.Context(), exec.Command("/nowhere/printer")); err == nil {
			t.Error("no error")
		}
	}
	round() // what is opened once stays open
	before := descriptors(t)
	for range 5 {
		round()
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
