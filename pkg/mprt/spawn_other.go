//go:build !unix

package mprt

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
)

var errNoSpawn = fmt.Errorf("child processes with a socket pair: %w on %s", errors.ErrUnsupported, runtime.GOOS)

func socketPair() (net.Conn, *os.File, error) { return nil, nil, errNoSpawn }
func inherited(arg string) (net.Conn, error)  { return nil, errNoSpawn }
func isReset(err error) bool                  { return false }
