// Command mpgen compiles Cap'n Proto schemas and generates Go proxies from
// them. It needs no other program.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

const usage = `usage: mpgen <command> [flags] file.capnp...

    mpgen generate   write Go code; the default when no command is given
    mpgen request    write the compiled schema, as capnp compile -o- does
    mpgen lint       look for what goes wrong in use, and for incompatible changes
    mpgen where      tell where in a schema generated Go code comes from
    mpgen id         make a new file id

mpgen <command> --help tells the flags.
`

func main() {
	// A run is short and its memory small: collecting garbage costs more than
	// it gives.
	debug.SetGCPercent(400)
	// `bazel run` starts programs in a folder of its own.
	if dir := os.Getenv("BUILD_WORKING_DIRECTORY"); dir != "" {
		if err := os.Chdir(dir); err != nil {
			fmt.Fprintf(os.Stderr, "mpgen: %v\n", err)
			os.Exit(2)
		}
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// command is a subcommand. It returns the exit status: 0, 1 for errors in the
// input, 2 for wrong arguments.
type command func(args []string, stdout, stderr io.Writer) int

var commands = map[string]command{
	"generate": generate,
	"request":  request,
	"lint":     lintSchemas,
	"where":    where,
	"id":       newID,
}

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	}
	if c := commands[args[0]]; c != nil {
		return c(args[1:], stdout, stderr)
	}
	if strings.HasPrefix(args[0], "-") || strings.HasPrefix(args[0], "@") || strings.HasSuffix(args[0], ".capnp") {
		return generate(args, stdout, stderr)
	}
	fmt.Fprint(stderr, usage)
	return 2
}
