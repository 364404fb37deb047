package vat

import (
	"runtime/debug"
	"testing"
)

func TestReserve(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it is said here when a collection was
	var r reserve
	sizeIs := func(when string, size int) {
		t.Helper()
		if len(r.mem) != size {
			t.Errorf("%s: %d bytes, not %d", when, len(r.mem), size)
		}
	}
	r.use()
	sizeIs("used", minReserve)
	for size := minReserve; size <= maxReserve; size *= 2 {
		for range inRow {
			sizeIs("collected in a row", size)
			r.use()
			r.collected()
		}
	}
	sizeIs("as large as it may be", maxReserve)
	r.collected()
	sizeIs("not used between two collections", 0)

	for range 2 * inRow {
		r.use()
		r.last = r.last.Add(-2 * tooOften)
		r.collected()
	}
	sizeIs("collected now and then", minReserve)

	var limited reserve
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 40))
	limited.use()
	if limited.mem != nil {
		t.Error("a reserve in a process with a memory limit")
	}
}
