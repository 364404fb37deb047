//go:build !linux

package sandbox

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
)

// Start fails: there are no sandboxes on this system.
func (p Profile) Start(cmd *exec.Cmd) error {
	return fmt.Errorf("sandbox: %w on %s", errors.ErrUnsupported, runtime.GOOS)
}

// Missing returns all parts.
func Missing() (Part, error) {
	return allParts, fmt.Errorf("sandbox: %w on %s", errors.ErrUnsupported, runtime.GOOS)
}
