// Fooclient calls every method of the foo test interface, at a Go or C++ server:
//
//	fooclient --connect unix:PATH
//
// It prints "OK name" or "FAIL name: why" for each, and fails if any did.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/foocheck"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
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
	for _, c := range append(foocheck.All, foocheck.Check{Name: "callIntFnAsync.sleep", Try: trySleep}) {
		note, err := limited(c.Try, f)
		switch {
		case err != nil:
			ok = false
			fmt.Printf("FAIL %s: %v\n", c.Name, err)
		case note != "":
			fmt.Printf("OK %s %s\n", c.Name, note)
		default:
			fmt.Printf("OK %s\n", c.Name)
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

// trySleep has the server sleep on two threads at a time.
func trySleep(ctx context.Context, f *foo.FooInterfaceClient) (string, error) {
	start := time.Now()
	var errs [2]error
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			n, err := f.CallIntFnAsync(ctx, fooimpl.IntFnSleeps)
			if err == nil && n != 2*fooimpl.IntFnSleeps {
				err = fmt.Errorf("got %d", n)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	took := time.Since(start)
	if took < 950*time.Millisecond {
		errs[0] = errors.Join(errs[0], fmt.Errorf("it took only %v", took))
	}
	return fmt.Sprintf("(%v)", took.Round(time.Millisecond)), errors.Join(errs[:]...)
}
