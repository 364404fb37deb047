//go:build unix

package mprt

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketPair returns the parent's end of a new stream, and the child's.
func socketPair() (net.Conn, *os.File, error) {
	// The lock keeps processes started meanwhile from inheriting the ends
	// before they are marked.
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "child")
	ours, err := fileConn(fds[0], "parent")
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// fileConn makes a connection of a descriptor, which it takes over.
func fileConn(fd int, name string) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), name)
	defer f.Close() // net has a duplicate
	return net.FileConn(f)
}

// inherited makes a connection of the descriptor that a parent gave us.
func inherited(arg string) (net.Conn, error) {
	fd, err := strconv.Atoi(arg)
	if err != nil || fd <= 2 {
		return nil, fmt.Errorf("%q is not the number of an inherited descriptor: "+
			"this program is to be started by mprt.Spawn, which adds it as the last argument", arg)
	}
	// What is not the parent's socket may be in use by others.
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, fmt.Errorf("descriptor %d is not a socket", fd)
	}
	unix.CloseOnExec(fd)
	return fileConn(fd, "parent")
}
