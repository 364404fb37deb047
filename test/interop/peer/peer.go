// Package peer is the command line that the Go programs which interop tests run have in common:
//
//	serve unix:PATH                serves until it is killed
//	call unix:PATH all|SCENARIO... runs scenarios against a server; prints "OK name" or "FAIL name: why" for each
//	list                           prints the scenarios, one a line
//
// The exit status is 0 if every scenario passed, 1 if one failed, 2 if the arguments make no sense.
package peer

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// Limit bounds a scenario.
const Limit = 20 * time.Second

// Peer is one implementation.
type Peer struct {
	// Serve serves a connection, which it takes over. It does not wait for its end.
	Serve func(net.Conn)
	// Scenarios are what the calling role tries.
	Scenarios []Scenario
}

// Scenario is a named use of a server.
type Scenario struct {
	Name string
	// Run takes over a connection to the server. ctx ends after Limit.
	Run func(ctx context.Context, conn net.Conn) error
}

// Main does what the arguments, without the program's name, say and returns the exit status.
func (p Peer) Main(args []string) int {
	command, path := "", ""
	if len(args) > 0 {
		command = args[0]
	}
	unix := false
	if len(args) > 1 {
		path, unix = strings.CutPrefix(args[1], "unix:")
	}
	switch {
	case command == "list" && len(args) == 1:
		for _, s := range p.Scenarios {
			fmt.Println(s.Name)
		}
		return 0
	case command == "serve" && len(args) == 2 && unix:
		fmt.Fprintln(os.Stderr, p.serve(path))
		return 1
	case command == "call" && len(args) > 2 && unix:
		return p.call(path, args[2:])
	}
	fmt.Fprintln(os.Stderr, "usage: serve unix:PATH | call unix:PATH all|SCENARIO... | list")
	return 2
}

// serve returns when it cannot go on.
func (p Peer) serve(path string) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		p.Serve(conn)
	}
}

func (p Peer) call(path string, wanted []string) int {
	ran, failed := 0, 0
	for _, s := range p.Scenarios {
		if !slices.Contains(wanted, "all") && !slices.Contains(wanted, s.Name) {
			continue
		}
		ran++
		if err := s.runAt(path); err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", s.Name, err)
		} else {
			fmt.Printf("OK %s\n", s.Name)
		}
	}
	switch {
	case ran == 0:
		fmt.Fprintln(os.Stderr, "no such scenario; see `list`")
		return 2
	case failed > 0:
		return 1
	}
	return 0
}

func (s Scenario) runAt(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	return s.Run(ctx, conn)
}
