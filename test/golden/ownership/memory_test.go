package ownership

import (
	"context"
	"runtime"
	"testing"

	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
)

// What a live proxy takes on both sides together, the smallest wrapped object
// included.
func TestMemory(t *testing.T) {
	const few, many, limit = 1000, 50_000, 250
	conn := peer.Dial(t, NewHostServer(&fertileHost{Host: newHost()}))
	c := NewHostClient(conn.Bootstrap())
	plains := make([]Plain, 0, many)
	var before, after runtime.MemStats
	for len(plains) < many {
		p, err := c.MakePlain(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		plains = append(plains, p)
		if len(plains) == few {
			heap(&before)
		}
	}
	heap(&after)
	n := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / (many - few)
	t.Logf("%d bytes an object", n)
	if n > limit {
		t.Errorf("a proxy client, its proxy server and the object take %d bytes, more than %d", n, limit)
	}
	runtime.KeepAlive(plains)
	runtime.KeepAlive(c)
}

func heap(m *runtime.MemStats) {
	runtime.GC()
	runtime.GC() // for what pools and finalizers let go
	runtime.ReadMemStats(m)
}

// fertileHost makes objects, and keeps none of them.
type fertileHost struct{ Host }

func (*fertileHost) MakePlain(context.Context) (Plain, error) { return new(smallObject), nil }

type smallObject struct{ _ int }

func (*smallObject) Ping(context.Context) (string, error) { return "small", nil }
