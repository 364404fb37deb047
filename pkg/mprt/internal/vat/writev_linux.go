package vat

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// maxIovec is how many buffers one writev takes (IOV_MAX).
const maxIovec = 1024

func writev(fd int, bufs [][]byte) (int, error) {
	if len(bufs) == 1 {
		return syscall.Write(fd, bufs[0])
	}
	return unix.Writev(fd, bufs[:min(len(bufs), maxIovec)])
}
