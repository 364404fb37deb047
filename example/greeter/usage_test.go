package main

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/example/greeter/greeterapi"
	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// The functions below are what docs/usage.md shows; TestDocs compares.

func dialPatiently(ctx context.Context, address string) (*mprt.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return mprt.Dial(ctx, address, mprt.WithWaitForPeer(), mprt.WithPeerCheck(mprt.SameUser))
}

func serveCarefully(ctx context.Context, l net.Listener, impl greeterapi.Greeter) error {
	return mprt.Serve(ctx, l, greeterapi.NewGreeterServer(impl),
		mprt.WithMaxConnections(100),
		mprt.WithPeerCheck(mprt.SameUser),
		mprt.WithGrace(5*time.Second),
		mprt.WithLogger(slog.Default()))
}

func greetOrExplain(ctx context.Context, g greeterapi.Greeter) string {
	text, err := g.Greet(ctx, "World")
	var remote *mprt.RemoteError
	switch {
	case err == nil:
		return text
	case errors.Is(err, mprt.ErrDisconnected):
		return "the other process is gone: " + err.Error()
	case errors.As(err, &remote):
		return "the other process says: " + remote.Error()
	default:
		return "not called, or given up: " + err.Error()
	}
}

type shyGreeter struct {
	greeterapi.UnimplementedGreeter
}

func (shyGreeter) Greet(context.Context, string) (string, error) {
	return "", errors.New("too shy")
}

// calls counts calls by method and adds up how long they take.
type calls struct{ number, nanoseconds, failed expvar.Map }

func (c *calls) CallStart(context.Context, *mprt.CallInfo) {}

func (c *calls) CallEnd(_ context.Context, call *mprt.CallInfo) {
	method := call.Interface + "." + call.Method
	c.number.Add(method, 1)
	c.nanoseconds.Add(method, call.Duration.Nanoseconds())
	if call.Err != nil {
		c.failed.Add(method, 1)
	}
}

func TestUsage(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	address := "unix:" + filepath.Join(t.TempDir(), "s")
	served := make(chan error, 1)
	go func() {
		l, err := mprt.Listen(ctx, address)
		if err == nil {
			err = serveCarefully(ctx, l, shyGreeter{})
		}
		served <- err
	}()
	conn, err := dialPatiently(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	g := greeterapi.NewGreeterClient(conn.Bootstrap())
	if got := greetOrExplain(ctx, g); got != "the other process says: too shy" {
		t.Error(got)
	}
	given, giveUp := context.WithCancel(ctx)
	giveUp()
	if got, want := greetOrExplain(given, g), fmt.Sprintf("not called, or given up: Greeter.greet (%s): context canceled", address); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var seen calls
	watched, err := mprt.Dial(ctx, address, mprt.WithObserver(&seen))
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Close()
	greetOrExplain(ctx, greeterapi.NewGreeterClient(watched.Bootstrap()))
	if n, failed := seen.number.Get("Greeter.greet"), seen.failed.Get("Greeter.greet"); n.String() != "1" || failed.String() != "1" {
		t.Errorf("%s calls, of which %s failed", n, failed)
	}

	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	<-conn.Done()
	if got, want := greetOrExplain(t.Context(), g),
		fmt.Sprintf("the other process is gone: Greeter.greet (%s): called after disconnect", address); got[:min(len(got), len(want))] != want {
		t.Errorf("%q, want %q", got, want)
	}
}
