//go:build unix && !linux

package vat

import "syscall"

func writev(fd int, bufs [][]byte) (int, error) {
	return syscall.Write(fd, bufs[0])
}
