package mprt

import "time"

// SetPatience sets how long Close waits before SIGTERM and before SIGKILL.
func (p *Process) SetPatience(leave, terminate time.Duration) {
	p.leave, p.terminate = leave, terminate
}
