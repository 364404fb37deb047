// Command greeterd serves a greeter at the address it is given.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"example.com/greeter/greeter"
	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

func main() {
	ctx := context.Background()
	l, err := mprt.Listen(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(mprt.Serve(ctx, l, greeter.NewGreeterServer(greeter.Service{})))
}
