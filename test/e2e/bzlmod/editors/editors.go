// Package editors uses generated code, for editors to find it: of a schema that a rule makes, of one in this repository, and of one in
// another.
package editors

import (
	"context"

	"github.com/mpgo-dev/mpgo/example/printer"

	"example.com/greeter/greeter"
	"example.com/greeter/names"
)

// Welcome greets by first name.
func Welcome(ctx context.Context, g greeter.Greeter, n *names.Name, to printer.PrinterInterface) error {
	if _, err := g.Greet(ctx, n, to); err != nil {
		return err
	}
	return to.Print(ctx, "Come in, "+n.First)
}
