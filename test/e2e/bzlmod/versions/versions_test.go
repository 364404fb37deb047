package versions_test

import (
	"context"
	"errors"
	"net"
	"testing"

	clockv1 "example.com/greeter/versions/v1/clock"
	clockv2 "example.com/greeter/versions/v2/clock"
	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

type oldClock struct{}

func (oldClock) Now(context.Context) (int64, error) { return 42, nil }

// A program that knows both versions of a peer's schema meets a peer of the first.
func TestSideBySide(t *testing.T) {
	here, there := net.Pipe()
	server := mprt.NewConn(there, clockv1.NewClockServer(oldClock{}))
	defer server.Close()
	conn := mprt.NewConn(here, nil)
	defer conn.Close()

	clock := clockv2.NewClockClient(conn.Bootstrap())
	if now, err := clock.Now(t.Context()); now != 42 || err != nil {
		t.Errorf("Now() = %d, %v", now, err)
	}
	if _, err := clock.Zone(t.Context()); !errors.Is(err, mprt.ErrUnimplemented) {
		t.Errorf("Zone() fails with %v", err)
	}
	var _ clockv1.Clock = clock // the newer interface has what the older one has
}
