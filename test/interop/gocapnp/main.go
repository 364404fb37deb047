// Command gocapnp is a peer for interop tests on go-capnp's own rpc package: a second implementation of the protocol
// beside the C++ one. It takes foo's params and results apart by hand, from the offsets in foo.capnp's layout.
//
// Known of go-capnp v3.1.0-alpha.2: it takes a Finish as a cancellation also of what was pipelined on the answer
// before ("received finish before return"), so callers that finish makeThread early, as C++ does with a promise it
// passed on, are told that the thread is invalid.
//
//	gocapnp serve unix:PATH                serves foo until it is killed; prints "listening" when it is ready
//	gocapnp call unix:PATH all|SCENARIO... runs scenarios against a server; prints "OK name" or "FAIL name: why" for each
//	gocapnp list                           prints the scenarios, one a line
//
// The exit status is 0 if every scenario passed, 1 if one failed, 2 if the arguments make no sense.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// callLimit bounds a scenario.
const callLimit = 20 * time.Second

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	if len(args) == 1 && args[0] == "list" {
		for _, s := range scenarios {
			fmt.Println(s.name)
		}
		return 0
	}
	if len(args) < 2 || !strings.HasPrefix(args[1], "unix:") {
		fmt.Fprintln(os.Stderr, "usage: gocapnp serve unix:PATH | gocapnp call unix:PATH all|SCENARIO... | gocapnp list")
		return 2
	}
	path := strings.TrimPrefix(args[1], "unix:")
	switch {
	case args[0] == "serve" && len(args) == 2:
		fmt.Fprintln(os.Stderr, "gocapnp:", serve(path))
		return 1
	case args[0] == "call" && len(args) > 2:
		return call(path, args[2:])
	}
	fmt.Fprintf(os.Stderr, "gocapnp: cannot %q\n", args)
	return 2
}

// serve returns when it cannot go on.
func serve(path string) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		serveConn(conn)
	}
}

func call(path string, wanted []string) int {
	ran, failed := 0, 0
	for _, scenario := range scenarios {
		if !slices.Contains(wanted, "all") && !slices.Contains(wanted, scenario.name) {
			continue
		}
		ran++
		if err := runScenario(path, scenario); err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", scenario.name, err)
		} else {
			fmt.Printf("OK %s\n", scenario.name)
		}
	}
	switch {
	case ran == 0:
		fmt.Fprintln(os.Stderr, "no such scenario; see `gocapnp list`")
		return 2
	case failed > 0:
		return 1
	}
	return 0
}

func runScenario(path string, s scenario) error {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	session := newSession(ctx, conn)
	defer session.close()
	return s.run(session)
}
