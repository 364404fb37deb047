// Fooserver serves the foo test interface, to Go and C++ clients:
//
//	fooserver --listen unix:PATH
//
// It ends at SIGTERM or SIGINT.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

func main() {
	address := flag.String("listen", "", "`address` to listen at, unix:PATH or tcp:HOST:PORT")
	maxConnections := flag.Int("max-connections", 0, "serve this `number` of clients at a time, the others wait (0: no limit)")
	verbose := flag.Bool("v", false, "log who comes and goes")
	flag.Parse()
	if *address == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*address, *maxConnections, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "fooserver:", err)
		os.Exit(1)
	}
}

func run(address string, maxConnections int, verbose bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	l, err := listen(ctx, address)
	if err != nil {
		return err
	}
	impl := new(fooimpl.Foo)
	defer impl.Close()
	return mprt.Serve(ctx, l, foo.NewFooInterfaceServer(impl), mprt.WithLogger(log),
		mprt.WithMaxConnections(maxConnections))
}

// listen listens at the address, also if a server that was killed has left its socket there.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := mprt.Listen(ctx, address)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	path, ok := strings.CutPrefix(address, "unix:")
	if info, statErr := os.Lstat(path); !ok || statErr != nil || info.Mode().Type() != fs.ModeSocket {
		return nil, err
	}
	c, dialErr := net.Dial("unix", path)
	if dialErr == nil {
		c.Close()
		return nil, err // somebody listens
	}
	if !errors.Is(dialErr, syscall.ECONNREFUSED) {
		return nil, err
	}
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	return mprt.Listen(ctx, address)
}
