// Command rpcrelay sits between two programs that speak Cap'n Proto RPC and prints every message that passes.
//
//	rpcrelay --listen unix:/tmp/relay.sock --connect unix:/tmp/server.sock
//
// Each connection that it accepts is joined to a new one to the server. A line on standard output is the time, the
// connection's number, the direction (→ to the server, ← from it) and the message; package rpctext says how to read
// it. Bytes pass unchanged, also those that are no message. File descriptors that ride on a Unix socket do not pass.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/rpctext"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("rpcrelay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "", "where clients connect: unix:`PATH` or tcp:HOST:PORT")
	connect := flags.String("connect", "", "where the server listens: unix:`PATH` or tcp:HOST:PORT")
	maxChars := flags.Int("max-chars", rpctext.DefaultMaxChars, "cut lines to this many `bytes`")
	names := flags.String("names", "", "a `file` with a CodeGeneratorRequest, from which methods get their names (capnp compile -o- FILE.capnp)")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: rpcrelay --listen unix:PATH --connect unix:PATH [flags]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return 0
		}
		return 2
	}
	if *listen == "" || *connect == "" || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	options := rpctext.Options{MaxChars: *maxChars}
	if *names != "" {
		method, err := readNames(*names)
		if err != nil {
			fmt.Fprintf(stderr, "rpcrelay: %s: %v\n", *names, err)
			return 1
		}
		options.Method = method
	}
	r := &relay{server: *connect, out: stdout, options: options}
	if err := r.run(ctx, *listen); err != nil {
		fmt.Fprintf(stderr, "rpcrelay: %v\n", err)
		return 1
	}
	return 0
}
