package vat

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// newEpoll makes an epoll descriptor that Go's poller waits for. raw reads it, which
// is to wait until one of its entries is ready; file closes it.
func newEpoll() (fd int, file *os.File, raw syscall.RawConn, err error) {
	fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return 0, nil, nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return 0, nil, nil, os.NewSyscallError("fcntl", err)
	}
	file = os.NewFile(uintptr(fd), "epoll")
	raw, err = file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails if Go's poller does not take it
	}
	if err != nil {
		file.Close()
		return 0, nil, nil, err
	}
	return fd, file, raw, nil
}
