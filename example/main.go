// Example is one program in three processes: a parent that reads equations, a
// calculator that solves them, and a printer that prints what the calculator
// found. The parent asks the printer process for a Printer and hands the object
// to the calculator process; the calculator does not know that it is elsewhere.
//
// The children are this same program, started with the name of their part and
// the number of the socket to their parent as arguments. With --sandbox they can
// do no more than they have to: compute, print, and talk to their parent.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/mpgo-dev/mpgo/example/initapi"
	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/pkg/mprt/sandbox"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 0:
		return readEquations()
	case len(args) == 1 && args[0] == "--sandbox":
		return readEquations(mprt.WithSandbox(sandbox.Profile{}))
	case len(args) == 2 && args[0] == "printer":
		return serveParent(args[1], printerInit{})
	case len(args) == 2 && args[0] == "calculator":
		return serveParent(args[1], calculatorInit{})
	}
	return errors.New("takes no arguments but --sandbox; type equations, or send them through a pipe")
}

// serveParent is what each child does until its parent leaves.
func serveParent(fd string, init initapi.InitInterface) error {
	// Ctrl-C reaches the children as well. Theirs is to stay as long as the parent.
	signal.Ignore(os.Interrupt)
	return mprt.ServeSpawned(context.Background(), fd, initapi.NewInitInterfaceServer(init))
}

// readEquations is the parent. The options are for its children.
func readEquations(opts ...mprt.Option) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	printerProcess, err := spawn(ctx, "printer", opts)
	if err != nil {
		return err
	}
	defer closing(&err, printerProcess)
	calculatorProcess, err := spawn(ctx, "calculator", opts)
	if err != nil {
		return err
	}
	defer closing(&err, calculatorProcess)

	printer, err := initapi.NewInitInterfaceClient(printerProcess.Conn().Bootstrap()).MakePrinter(ctx)
	if err != nil {
		return err
	}
	calculator, err := initapi.NewInitInterfaceClient(calculatorProcess.Conn().Bootstrap()).MakeCalculator(ctx, printer)
	if err != nil {
		return err
	}
	defer closing(&err, calculator)

	terminal := isTerminal(os.Stdin)
	if terminal {
		fmt.Printf("Processes: %v, %v. Type an equation such as 2*x + 3 = 11, or exit.\n", printerProcess, calculatorProcess)
	}
	lines := readLines(os.Stdin)
	for {
		if terminal {
			fmt.Print("> ")
		}
		select {
		case line, ok := <-lines:
			text := strings.TrimSpace(line.text)
			switch {
			case !ok || text == "exit":
				return nil
			case line.err != nil:
				return fmt.Errorf("standard input: %w", line.err)
			case text == "":
				continue
			}
			err := calculator.SolveEquation(ctx, text)
			switch {
			case err == nil:
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, mprt.ErrDisconnected):
				return fmt.Errorf("%q was not solved: %w", text, err)
			default:
				fmt.Fprintln(os.Stderr, err)
			}
		case <-printerProcess.Conn().Done():
			return left(ctx, printerProcess)
		case <-calculatorProcess.Conn().Done():
			return left(ctx, calculatorProcess)
		case <-ctx.Done():
			return nil
		}
	}
}

// left is the error of a child that has gone by itself: the end of ctx ends the
// children, too.
func left(ctx context.Context, child *mprt.Process) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%v has left", child)
}

// spawn starts this program as another process, in a part of its own.
func spawn(ctx context.Context, part string, opts []mprt.Option) (*mprt.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, part)
	cmd.Stdout = os.Stdout
	cmd.Stderr = os.Stderr
	return mprt.Spawn(ctx, cmd, append(slices.Clip(opts), mprt.WithName(part))...)
}

// closing closes an object or a process at the end of a function, and adds what
// goes wrong to the function's error.
func closing(err *error, object any) {
	*err = errors.Join(*err, mprt.Close(object))
}

type line struct {
	text string
	err  error
}

// readLines lets the caller wait for the next line and for other things.
func readLines(r io.Reader) <-chan line {
	lines := make(chan line)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(r)
		for s.Scan() {
			lines <- line{text: s.Text()}
		}
		if err := s.Err(); err != nil {
			lines <- line{err: err}
		}
	}()
	return lines
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
