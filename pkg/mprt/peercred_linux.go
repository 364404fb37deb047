package mprt

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

func peerCred(nc syscall.Conn) (PeerCred, error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return PeerCred{}, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return PeerCred{}, err
	}
	if credErr != nil {
		return PeerCred{}, fmt.Errorf("peer credentials: %w", credErr)
	}
	return PeerCred{PID: int(cred.Pid), UID: cred.Uid, GID: cred.Gid}, nil
}
