//go:build !linux

package mprt

// onMainThread need not be known where nothing depends on it.
func onMainThread() bool { return false }

// setThreadName does nothing where threads have no names that one could set
// without C.
func setThreadName(string) {}
