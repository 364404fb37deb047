// Command level1peer lets the bare vat serve and call test/interop/level1.capnp, so that it can be tried against other
// implementations of RPC; test/interop runs it. It takes params and results apart by hand. Package peer has its
// command line; with --trace before the rest, every message is printed on standard error, and with --tail-calls calls that
// go back to the peer are answered with those.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/rpctext"
	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
	"github.com/mpgo-dev/mpgo/test/interop/peer"
)

func main() {
	args := os.Args[1:]
	var options vat.Options
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		switch args[0] {
		case "--trace":
			options.Trace = trace
		case "--tail-calls":
			options.TailCalls = true
		default:
			fmt.Fprintln(os.Stderr, "there is no option", args[0])
			os.Exit(2)
		}
		args = args[1:]
	}
	p := peer.Peer{Serve: func(conn net.Conn) { vat.New(conn, vat.NewServer(&level1{}), options).Start() }}
	for _, s := range scenarios {
		p.Scenarios = append(p.Scenarios, peer.Scenario{Name: s.name, Run: func(ctx context.Context, conn net.Conn) error {
			c := vat.New(conn, nil, options)
			c.Start()
			return s.try(ctx, c)
		}})
	}
	os.Exit(p.Main(args))
}

func trace(sent bool, m rpccp.Message) {
	direction := "←"
	if sent {
		direction = "→"
	}
	fmt.Fprintln(os.Stderr, direction, rpctext.String(m.Message(), rpctext.Options{}))
}

// try runs a scenario on a connection that it takes over.
func (s scenario) try(ctx context.Context, conn *vat.Conn) (err error) {
	defer conn.Close()
	bootstrap := conn.Bootstrap()
	defer bootstrap.Release()
	// What goes wrong deep in a scenario is thrown, so that scenarios read as what they do.
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			err = p.error
		default:
			panic(p)
		}
	}()
	s.run(&session{ctx: ctx, peer: bootstrap})
	return nil
}

type failure struct{ error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }
