package main

import (
	"context"
	"errors"

	"github.com/mpgo-dev/mpgo/example/calculator"
	"github.com/mpgo-dev/mpgo/example/initapi"
	"github.com/mpgo-dev/mpgo/example/printer"
	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// calculatorInit is what the calculator process shows its parent first.
type calculatorInit struct {
	initapi.UnimplementedInitInterface
}

// MakeCalculator returns a calculator that sends its solutions to a printer,
// which it owns from then on.
func (calculatorInit) MakeCalculator(_ context.Context, p printer.PrinterInterface) (calculator.CalculatorInterface, error) {
	if p == nil {
		return nil, errors.New("a calculator needs a printer")
	}
	return &printingCalculator{p}, nil
}

// printingCalculator prints what it solves.
type printingCalculator struct{ printer printer.PrinterInterface }

// SolveEquation implements [calculator.CalculatorInterface].
func (c *printingCalculator) SolveEquation(ctx context.Context, equation string) error {
	solution, err := solve(equation)
	if err != nil {
		return err
	}
	return c.printer.Print(ctx, equation+": "+solution)
}

// Close is called when the parent destroys the calculator.
func (c *printingCalculator) Close() error { return mprt.Close(c.printer) }
