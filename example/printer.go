package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/mpgo-dev/mpgo/example/initapi"
	"github.com/mpgo-dev/mpgo/example/printer"
)

// printerInit is what the printer process shows its parent first.
type printerInit struct {
	initapi.UnimplementedInitInterface
}

// MakePrinter returns a printer to this process's standard output.
func (printerInit) MakePrinter(context.Context) (printer.PrinterInterface, error) {
	return linePrinter{os.Stdout}, nil
}

// linePrinter prints a line for each text.
type linePrinter struct{ w io.Writer }

// Print implements [printer.PrinterInterface].
func (p linePrinter) Print(_ context.Context, text string) error {
	_, err := fmt.Fprintln(p.w, text)
	return err
}
