//go:build !linux

package mprt

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

func peerCred(syscall.Conn) (PeerCred, error) {
	return PeerCred{}, fmt.Errorf("peer credentials: %w on %s", errors.ErrUnsupported, runtime.GOOS)
}
