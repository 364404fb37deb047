package mprt

import (
	"context"
	"runtime/pprof"
)

// label has what the profiler samples while the call runs carry its method, peer
// and thread. [ClientCall.Wait] gives a goroutine that waits its own labels back.
func (c *ServerCall) label() (restore func()) {
	labels := []string{"interface", c.method.InterfaceName, "method", c.method.Name, "peer", c.conn.name}
	if c.on != nil {
		labels = append(labels, "thread", c.on.thread.name)
		c.on.thread.labelled.Store(true)
	}
	c.labels = pprof.WithLabels(context.Background(), pprof.Labels(labels...))
	pprof.SetGoroutineLabels(c.labels)
	return func() { pprof.SetGoroutineLabels(context.Background()) }
}

// relabel gives the goroutine that waited for a call of thread t the labels of
// ctx, if calls that ran on it meanwhile had others.
func (t *Thread) relabel(ctx context.Context) {
	if t.labelled.Load() {
		pprof.SetGoroutineLabels(ctx)
	}
}
