// Fooclient calls every method of the foo test interface, at a Go or C++ server:
//
//	fooclient --connect unix:PATH
//
// It prints "OK name" or "FAIL name: why" for each, and fails if any did.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// limit is how long one call may take.
const limit = 20 * time.Second

func main() {
	address := flag.String("connect", "", "`address` to connect to, unix:PATH or tcp:HOST:PORT")
	flag.Parse()
	if *address == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ok, err := run(*address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fooclient:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// run tries every method in turn.
func run(address string) (ok bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := mprt.Dial(ctx, address)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	f := foo.NewFooInterfaceClient(conn.Bootstrap())
	defer f.Close()
	ok = true
	for _, c := range checks {
		note, err := limited(c.try, f)
		switch {
		case err != nil:
			ok = false
			fmt.Printf("FAIL %s: %v\n", c.name, err)
		case note != "":
			fmt.Printf("OK %s %s\n", c.name, note)
		default:
			fmt.Printf("OK %s\n", c.name)
		}
	}
	return ok, conn.Err()
}

// limited tries one method, and gives up on one that does not even heed its context.
func limited(try func(context.Context, *foo.FooInterfaceClient) (string, error), f *foo.FooInterfaceClient) (string, error) {
	type outcome struct {
		note string
		err  error
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit-time.Second)
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		note, err := try(ctx, f)
		done <- outcome{note, err}
	}()
	select {
	case o := <-done:
		return o.note, o.err
	case <-time.After(limit):
		return "", fmt.Errorf("no answer in %v", limit)
	}
}
