package harness

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/bench/internal/peers"
)

// TestMain lets the test's executable be the child processes, as bench's is.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 {
		var err error
		switch os.Args[1] {
		case ServerRole:
			err = RunServer(os.Args[2], os.Args[3])
		case ClientRole:
			err = RunClient(os.Args[2], os.Args[3])
		default:
			os.Exit(m.Run())
		}
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestCompare runs two processes of two peers for real.
func TestCompare(t *testing.T) {
	results, err := Compare(Config{
		Peers: []string{"net/rpc"}, Workloads: peers.Workloads[:4], Rounds: 2, Sample: 5 * time.Millisecond, Warm: time.Millisecond, Progress: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	// Four operations by raw, three by net/rpc, which has no callback; on two cores and on one.
	if len(results) != 14 {
		t.Errorf("%d results, want 14", len(results))
	}
	for _, r := range results {
		if r.P50 <= 0 || r.P99 < r.P50 || r.OpsS <= 0 || r.XRaw <= 0 || r.CPU <= 0 || r.CPUServer <= 0 || r.RSSServer <= 0 {
			t.Errorf("not all figures are there: %+v", r)
		}
		if r.Impl == peers.Raw && r.XRaw != 1 {
			t.Errorf("raw is %v times raw", r.XRaw)
		}
		if r.Impl == "net/rpc" && r.Alloc < 5 {
			t.Errorf("net/rpc's client allocates %v times per call", r.Alloc)
		}
	}
}

// TestScale grows a peer's objects and connections.
func TestScale(t *testing.T) {
	objectCounts, connectionCounts = []int{1, tellingN}, []int{1, 50}
	results, err := Scale(Config{Peers: []string{"go-capnp", "net/rpc"}, Rounds: 1, Sample: time.Millisecond, Progress: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2+4+4 { // net/rpc has no objects
		t.Errorf("%d results, want 10", len(results))
	}
	if r := results[1]; r.BytesServer < 100 || r.BytesClient < 10 {
		t.Errorf("an object costs nothing: %+v", r)
	}
}

// TestChildFails checks that a child's failure is told with its name.
func TestChildFails(t *testing.T) {
	cpus, err := cores(true)
	if err != nil {
		t.Fatal(err)
	}
	p, err := startPair("ttrpc", t.TempDir(), 1, cpus)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	_, err = p.client.ask(request{Cmd: cmdPrepare, Workload: "nonesuch"})
	if err == nil || !strings.Contains(err.Error(), "ttrpc") || !strings.Contains(err.Error(), "nonesuch") {
		t.Errorf("got error %v", err)
	}
	if _, err = p.client.ask(request{Cmd: cmdHold, N: 1}); !errors.Is(err, peers.ErrNotOffered) {
		t.Errorf("got error %v, want ErrNotOffered", err)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{
		{[]float64{7}, 7},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 2, 9}, 3},
	} {
		if got := median(c.v); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.v, got, c.want)
		}
	}
}
