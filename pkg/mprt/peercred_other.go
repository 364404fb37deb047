//go:build !linux

package mprt

import (
	"errors"
	"fmt"
	"net"
	"runtime"
)

func peerCred(*net.UnixConn) (PeerCred, error) {
	return PeerCred{}, fmt.Errorf("peer credentials: %w on %s", errors.ErrUnsupported, runtime.GOOS)
}
