// Command level1peer lets the bare vat serve and call test/interop/level1.capnp, so that it can be tried against other
// implementations of RPC; test/interop runs it. It takes params and results apart by hand.
//
//	level1peer serve unix:PATH                serves until it is killed
//	level1peer call unix:PATH all|SCENARIO... runs scenarios; prints "OK name" or "FAIL name: why" for each
//	level1peer list                           prints the scenarios, one a line
//
// With --trace before these, every message is printed on standard error. The exit status is 0 if every scenario passed,
// 1 if one failed, 2 if the arguments make no sense.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/rpctext"
	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// scenarioLimit bounds a scenario.
const scenarioLimit = 20 * time.Second

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var options vat.Options
	if len(args) > 0 && args[0] == "--trace" {
		args = args[1:]
		options.Trace = trace
	}
	if len(args) == 1 && args[0] == "list" {
		for _, s := range scenarios {
			fmt.Println(s.name)
		}
		return 0
	}
	if len(args) < 2 || !strings.HasPrefix(args[1], "unix:") {
		fmt.Fprintln(os.Stderr, "usage: level1peer [--trace] serve unix:PATH | call unix:PATH all|SCENARIO... | list")
		return 2
	}
	path := strings.TrimPrefix(args[1], "unix:")
	switch {
	case args[0] == "serve" && len(args) == 2:
		fmt.Fprintln(os.Stderr, "level1peer:", serve(path, options))
		return 1
	case args[0] == "call" && len(args) > 2:
		return call(path, args[2:], options)
	}
	fmt.Fprintf(os.Stderr, "level1peer: cannot %q\n", args)
	return 2
}

func trace(sent bool, m rpccp.Message) {
	direction := "←"
	if sent {
		direction = "→"
	}
	fmt.Fprintln(os.Stderr, direction, rpctext.String(m.Message(), rpctext.Options{}))
}

// serve returns when it cannot go on.
func serve(path string, options vat.Options) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		vat.New(conn, vat.NewServer(&level1{}), options)
	}
}

func call(path string, wanted []string, options vat.Options) int {
	ran, failed := 0, 0
	for _, s := range scenarios {
		if !slices.Contains(wanted, "all") && !slices.Contains(wanted, s.name) {
			continue
		}
		ran++
		if err := runScenario(path, s, options); err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", s.name, err)
		} else {
			fmt.Printf("OK %s\n", s.name)
		}
	}
	switch {
	case ran == 0:
		fmt.Fprintln(os.Stderr, "no such scenario; see `level1peer list`")
		return 2
	case failed > 0:
		return 1
	}
	return 0
}

func runScenario(path string, s scenario, options vat.Options) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), scenarioLimit)
	defer cancel()
	nc, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	conn := vat.New(nc, nil, options)
	defer conn.Close()
	peer := conn.Bootstrap()
	defer peer.Release()
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
	s.run(&session{ctx: ctx, peer: peer})
	return nil
}

type failure struct{ error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }
