package harness

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

// Usage is what a process has used since it started.
type Usage struct {
	// Mallocs counts the objects allocated on the heap.
	Mallocs uint64
	// CPUMicros is user and system time.
	CPUMicros float64
	// PeakRSS is the largest resident set since reset, in bytes.
	PeakRSS int64
}

func readUsage() (Usage, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return Usage{}, err
	}
	peak, err := statusBytes("VmHWM:")
	if err != nil {
		return Usage{}, err
	}
	return Usage{Mallocs: m.Mallocs, CPUMicros: float64(r.Utime.Nano()+r.Stime.Nano()) / 1e3, PeakRSS: peak}, nil
}

// reset gives unused memory back, lets the kernel count the peak anew, and grows the heap to the size at which the collector runs in any Go
// program. Whatever came before, each measurement so begins alike, and not with a heap whose pages are touched for a first time, which some
// machines make dearer than a call.
func reset() error {
	debug.FreeOSMemory()
	const peakOnly = "5" // proc(5), /proc/pid/clear_refs
	if err := os.WriteFile("/proc/self/clear_refs", []byte(peakOnly), 0); err != nil {
		return err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	for before := m.NumGC; m.NumGC < before+2; runtime.ReadMemStats(&m) {
		for range 16 {
			touched = make([]byte, 32<<10)
			for i := 0; i < len(touched); i += os.Getpagesize() {
				touched[i] = 1
			}
		}
	}
	touched = nil
	return nil
}

// touched keeps the compiler from leaving out what reset allocates.
var touched []byte

// Memory is what a process holds now, after a garbage collection.
type Memory struct {
	// Bytes is the live heap and the goroutines' stacks.
	Bytes int64
	// RSS is the resident set, in bytes.
	RSS        int64
	Goroutines int
}

func readMemory() (Memory, error) {
	runtime.GC() // and again, for what finalizers and pools let go
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	rss, err := statusBytes("VmRSS:")
	return Memory{Bytes: int64(m.HeapAlloc + m.StackInuse), RSS: rss, Goroutines: runtime.NumGoroutine()}, err
}

// statusBytes reads a field of /proc/self/status that is given in kB.
func statusBytes(field string) (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(status, []byte("\n"+field))
	words := bytes.Fields(rest)
	if !ok || len(words) == 0 {
		return 0, fmt.Errorf("/proc/self/status has no %s", field)
	}
	kb, err := strconv.ParseInt(string(words[0]), 10, 64)
	return kb << 10, err
}
