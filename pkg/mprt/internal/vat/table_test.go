package vat

import (
	"math/rand/v2"
	"testing"
)

// A peerTable is a map, whatever ids the peer chooses.
func TestPeerTable(t *testing.T) {
	const steps = 20_000
	for name, choose := range map[string]func(r *rand.Rand) uint32{
		"small":  func(r *rand.Rand) uint32 { return r.Uint32N(200) },
		"any":    func(r *rand.Rand) uint32 { return r.Uint32N(50) * 0x5000_0001 },
		"strewn": func(r *rand.Rand) uint32 { return 1 << r.Uint32N(32) },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			var table peerTable[int]
			want := map[uint32]*int{}
			for step := range steps {
				id := choose(r)
				if grows := step/500%2 == 0; r.IntN(4) > 0 == grows {
					v := new(int)
					table.set(id, v)
					want[id] = v
				} else {
					table.remove(id)
					delete(want, id)
				}
				if table.get(id) != want[id] || table.len() != len(want) {
					t.Fatalf("after %d steps, id %d: %v of %d, want %v of %d", step, id, table.get(id), table.len(), want[id], len(want))
				}
			}
			if len(want) == 0 {
				t.Fatal("nothing is left to compare")
			}
			seen := map[*int]bool{}
			for v := range table.all() {
				seen[v] = true
			}
			for id, v := range want {
				if table.get(id) != v || !seen[v] {
					t.Errorf("id %d is lost", id)
				}
			}
			if len(seen) != len(want) {
				t.Errorf("%d entries, want %d", len(seen), len(want))
			}
		})
	}
}

// Few entries with large ids do not make a large slice.
func TestPeerTableStaysSmall(t *testing.T) {
	var table peerTable[int]
	v := new(int)
	for id := uint32(1); id < 1<<31; id *= 2 {
		table.set(id, v)
	}
	table.set(1<<32-1, v)
	if n := len(table.small); n > 200 {
		t.Errorf("a slice of %d for %d entries", n, table.len())
	}
}

// An object that two connections export under the same id is one export on each,
// also when the one that noted the id has released it.
func TestExportOnTwoConnections(t *testing.T) {
	conns := [2]*Conn{}
	for i := range conns {
		conns[i], _ = pair(t, newFuncServer(nil), nil)
	}
	cap := NewServer(newFuncServer(nil))
	defer cap.Release()
	check := func(i int, want bool) {
		t.Helper()
		c := conns[i]
		c.mu.Lock()
		defer c.mu.Unlock()
		if id, ok := c.exportOf(cap); ok != want || ok && c.exports.get(id).cap != cap {
			t.Errorf("connection %d: exported %v as %d, want %v", i, ok, id, want)
		}
		if n := len(c.exported); n > i { // but for the second's, no map is needed
			t.Errorf("connection %d: %d in the map", i, n)
		}
	}
	for i, c := range conns {
		check(i, false)
		c.Pin(cap)
		c.Pin(cap)
		check(i, true)
		if n := c.exports.len(); n != 1 {
			t.Errorf("connection %d: %d exports", i, n)
		}
	}
	conns[0].Unpin(cap)
	check(0, false)
	check(1, true)
	conns[0].Pin(cap)
	check(0, true)
	check(1, true)
	conns[1].Unpin(cap)
	check(0, true)
	check(1, false)
	conns[0].Close() // which forgets its note
	conns[1].Pin(cap)
	check(1, true)
	if n := len(conns[1].exported); n != 0 {
		t.Errorf("%d in the map, although no other connection has noted an id", n)
	}
	conns[1].Unpin(cap)
	if n := cap.refs.Load(); n != 1 {
		t.Errorf("%d references", n)
	}
}
