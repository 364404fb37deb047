// Split counts the words of its standard input: in one process, or, with
// -split, in two. The package that counts, and the code that uses it, do not
// know which.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/mpgo-dev/mpgo/example/split/stats"
	"github.com/mpgo-dev/mpgo/example/split/statsmp"
	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

func main() {
	split := flag.Bool("split", false, "count in a process of its own")
	flag.Parse()
	var err error
	switch flag.Arg(0) {
	case "serve": // the child: its last argument is the descriptor of its connection
		err = mprt.ServeSpawned(context.Background(), flag.Arg(1), statsmp.NewAnalyzerServer(stats.New()))
	default:
		newAnalyzer := stats.New
		if *split {
			newAnalyzer = spawnAnalyzer // this line makes two processes of one
		}
		err = count(newAnalyzer, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "split:", err)
		os.Exit(1)
	}
}

// count is the program as it always was.
func count(newAnalyzer func() stats.Analyzer, in io.Reader, out io.Writer) error {
	a := newAnalyzer()
	defer a.Close()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		a.Add(lines.Text())
	}
	if err := lines.Err(); err != nil {
		return err
	}
	last := 0
	r, err := a.Report(context.Background(), func(lines int) bool {
		last = lines
		return true
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d words in %d lines; the longest is %q\n", r.Words, last, r.Longest)
	return err
}

// spawnAnalyzer is stats.New for an analyzer in a child process, which ends
// with it.
func spawnAnalyzer() stats.Analyzer {
	child, err := mprt.Spawn(context.Background(), exec.Command(os.Args[0], "serve"))
	if err != nil {
		panic(&mprt.PanicError{Err: err}) // as any method without an error does
	}
	return &childAnalyzer{statsmp.NewAnalyzerClient(child.Conn().Bootstrap()), child}
}

// childAnalyzer closes the child with the analyzer.
type childAnalyzer struct {
	*statsmp.AnalyzerClient
	child *mprt.Process
}

func (a *childAnalyzer) Close() error {
	if err := a.AnalyzerClient.Close(); err != nil {
		return err
	}
	return a.child.Close()
}
