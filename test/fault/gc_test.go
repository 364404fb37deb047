package fault

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/foocheck"
)

// TestCollectorPressure has the collector run all the time: nothing that is in use may be collected, and the memory of one
// call may not show up in another.
func TestCollectorPressure(t *testing.T) {
	checkLeaks(t)
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	near, far := socketPair(t)
	s := &server{executed: func(int32) {}}
	served := make(chan error, 1)
	go func() { served <- s.serve(context.Background(), far) }()
	c := mprt.NewConn(near, nil)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f := foo.NewFooInterfaceClient(c.Bootstrap())
	if err := f.InitThreadMap(ctx); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var collector, callers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	for range 4 {
		callers.Go(func() {
			for range 5 {
				for _, check := range foocheck.All {
					if check.Name == "saveCallback" || check.Name == "callbackSaved" {
						continue // one for all callers
					}
					if _, err := check.Try(ctx, f); err != nil {
						t.Errorf("%s: %v", check.Name, err)
					}
				}
				// A proxy client that is dropped without Close goes with the collector.
				foo.NewFooInterfaceClient(c.Bootstrap())
			}
		})
	}
	callers.Wait()
	close(stop)
	collector.Wait()
	f.Close()
	c.Close()
	if err := <-served; err != nil {
		t.Error(fmt.Errorf("serve: %w", err))
	}
}
