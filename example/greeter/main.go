// Greeter is the example of the README: `greeter serve` in one terminal,
// `greeter call` in another.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/mpgo-dev/mpgo/example/greeter/greeterapi"
	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

const address = "unix:/tmp/greeter.sock"

func main() {
	var err error
	switch ctx := context.Background(); {
	case len(os.Args) == 2 && os.Args[1] == "serve":
		err = serve(ctx, address)
	case len(os.Args) == 2 && os.Args[1] == "call":
		err = call(ctx, address)
	default:
		err = fmt.Errorf("usage: greeter serve|call")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "greeter:", err)
		os.Exit(1)
	}
}

type greeter struct{}

func (greeter) Greet(ctx context.Context, name string) (string, error) {
	return "Hello, " + name + "!", nil
}

func serve(ctx context.Context, address string) error {
	l, err := mprt.Listen(ctx, address)
	if err != nil {
		return err
	}
	return mprt.Serve(ctx, l, greeterapi.NewGreeterServer(greeter{}))
}

func call(ctx context.Context, address string) error {
	conn, err := mprt.Dial(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	text, err := greeterapi.NewGreeterClient(conn.Bootstrap()).Greet(ctx, "World")
	fmt.Println(text)
	return err
}
