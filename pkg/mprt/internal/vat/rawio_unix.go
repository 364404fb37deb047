//go:build unix && (!linux || race || msan || asan)

package vat

import "syscall"

func read(fd int, b []byte) (int, error) { return syscall.Read(fd, b) }

func writev(fd int, bufs [][]byte) (int, error) { return syscall.Write(fd, bufs[0]) }
