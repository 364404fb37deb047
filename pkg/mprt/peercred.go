package mprt

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// PeerCred says who is at the other end of a Unix socket: the process that
// connected, listened or made the pair, as it was at that moment.
type PeerCred struct {
	PID      int
	UID, GID uint32
}

// SameUser is a check for [WithPeerCheck] that admits processes of this
// process's effective user alone.
func SameUser(p PeerCred) error {
	if own := os.Geteuid(); int64(p.UID) != int64(own) {
		return fmt.Errorf("process %d of user %d is not of user %d", p.PID, p.UID, own)
	}
	return nil
}

// PeerCredOf asks the kernel who is at the other end of a Unix socket. It fails
// with [errors.ErrUnsupported] for other streams, and on systems other than
// Linux.
func PeerCredOf(nc net.Conn) (PeerCred, error) {
	u, ok := nc.(syscall.Conn)
	if a := nc.LocalAddr(); !ok || a == nil || a.Network() != "unix" {
		return PeerCred{}, fmt.Errorf("peer credentials of %T, which is no Unix socket: %w", nc, errors.ErrUnsupported)
	}
	return peerCred(u)
}

// checkPeer runs the options' check, if there is one.
func (o *options) checkPeer(nc net.Conn) error {
	if o.peerCheck == nil {
		return nil
	}
	cred, err := PeerCredOf(nc)
	if err == nil {
		err = o.peerCheck(cred)
	}
	if err != nil {
		return fmt.Errorf("peer refused: %w", err)
	}
	return nil
}
