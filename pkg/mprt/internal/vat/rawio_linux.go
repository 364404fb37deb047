//go:build !race && !msan && !asan && !s390x

package vat

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A read or a write of little that does not wait is over at once, so Go's
// scheduler need not be told of it. What it does for a call that may block
// costs a tenth of the round trip, and far more where the two processes share
// a CPU: the kernel switches to the peer that has been written to, and the
// scheduler takes the absence for a call that blocks and starts another thread.
//
// MSG_DONTWAIT holds whatever has become of the descriptor's own mode. The
// sanitizers see what goes through the kernel only in package syscall
// (rawio_unix.go), and s390x has other system calls.

// atOnce is how much may be copied without the scheduler: some microseconds,
// for which a collection that wants to stop the world has to wait.
const atOnce = 64 << 10

// maxIovec is how many buffers one writev takes (IOV_MAX).
const maxIovec = 1024

func read(fd int, b []byte) (int, error) {
	if len(b) > atOnce {
		return syscall.Read(fd, b)
	}
	return transfer(unix.SYS_RECVFROM, fd, b, unix.MSG_DONTWAIT)
}

func writev(fd int, bufs [][]byte) (int, error) {
	b := bufs[0]
	switch {
	case len(bufs) > 1:
		return unix.Writev(fd, bufs[:min(len(bufs), maxIovec)])
	case len(b) > atOnce:
		return syscall.Write(fd, b)
	}
	return transfer(unix.SYS_SENDTO, fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

func transfer(call uintptr, fd int, b []byte, flags uintptr) (int, error) {
	n, _, e := syscall.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}
