package mprt

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// onMainThread reports whether the calling thread is the process's first.
func onMainThread() bool { return unix.Gettid() == unix.Getpid() }

// setThreadName names the calling thread, as top -H and /proc/PID/task/TID/comm
// show it. The kernel keeps 15 bytes.
func setThreadName(name string) {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, name)
	var b [16]byte
	copy(b[:15], name)
	// It cannot fail, and if it did nothing would be wrong but the name.
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&b[0])), 0, 0, 0)
}
