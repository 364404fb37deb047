//go:build !race && !msan && !asan

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
// (rawio_unix.go).

// atOnce is how much may be copied without the scheduler: some ten microseconds,
// for which a collection that wants to stop the world has to wait, as it has for
// a copy of that length in Go.
const atOnce = 256 << 10

const (
	fewIovec = 8    // a large message has two buffers, and what is sent with it another
	maxIovec = 1024 // IOV_MAX
)

func read(fd int, b []byte) (int, error) {
	if len(b) > atOnce {
		return syscall.Read(fd, b)
	}
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	return outcome(n, e)
}

func writev(fd int, bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs {
		total += len(b)
	}
	const flags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
	switch {
	case total > atOnce || len(bufs) > fewIovec:
		return unix.Writev(fd, bufs[:min(len(bufs), maxIovec)])
	case len(bufs) == 1:
		b := bufs[0]
		n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
		return outcome(n, e)
	}
	var iovec [fewIovec]unix.Iovec
	for i, b := range bufs {
		iovec[i].Base = unsafe.SliceData(b)
		iovec[i].SetLen(len(b))
	}
	header := unix.Msghdr{Iov: &iovec[0]}
	header.SetIovlen(len(bufs))
	n, _, e := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&header)), flags)
	return outcome(n, e)
}

func outcome(n uintptr, e syscall.Errno) (int, error) {
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}
