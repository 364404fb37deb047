// Package greeter holds the service, made of generated code and of what is written by hand.
package greeter

import (
	"context"

	"github.com/mpgo-dev/mpgo/example/printer"

	"example.com/greeter/names"
)

// Service greets.
type Service struct{}

// Greet implements Greeter.
func (Service) Greet(ctx context.Context, name *names.Name, p printer.PrinterInterface) (int32, error) {
	text := "Hello, " + name.First + " " + name.Last + "!"
	if err := p.Print(ctx, text); err != nil {
		return 0, err
	}
	return int32(len(text)), nil
}

var _ Greeter = Service{}
