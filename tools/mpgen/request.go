package main

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
)

const requestUsage = `usage: mpgen request [flags] file.capnp...

Writes the compiled schema, a CodeGeneratorRequest of schema.capnp, to standard output, as capnp compile -o- does.

Flags:
  -I dir, --import-path=dir   where imports that start with a slash are looked for; repeatable.
                              The standard ones (/capnp/c++.capnp, /mp/proxy.capnp, ...) are built in.
  --src-prefix=dir            a folder that is left out of the names of files; repeatable
  --no-standard-import        do not use the built-in imports
  --bindings=file             a file that applies annotations to the declarations of others; repeatable

Errors are printed as file:line:column: message. The exit status is then 1, and nothing is written; it is 2 for
wrong arguments.
`

// schemaFlags are the flags of all commands that compile schemas.
type schemaFlags struct {
	options compiler.Options
	files   []string
}

// parse reads arguments; flags may also stand after files.
func (s *schemaFlags) parse(flags *flag.FlagSet, args []string) error {
	args, err := expandArguments(args)
	if err != nil {
		return err
	}
	flags.SetOutput(io.Discard)
	flags.Var((*list)(&s.options.ImportPaths), "I", "")
	flags.Var((*list)(&s.options.ImportPaths), "import-path", "")
	flags.Var((*list)(&s.options.SourcePrefixes), "src-prefix", "")
	flags.Var((*list)(&s.options.Bindings), "bindings", "")
	flags.BoolVar(&s.options.NoStandardImports, "no-standard-import", false, "")
	for {
		if err := flags.Parse(args); err != nil {
			return err
		}
		if flags.NArg() == 0 {
			break
		}
		s.files = append(s.files, flags.Arg(0))
		args = flags.Args()[1:]
	}
	if len(s.files) == 0 {
		return errors.New("no schema file given")
	}
	return nil
}

// badArguments tells what is wrong with the arguments, or the usage if that
// was asked for.
func badArguments(name, usage string, err error, stdout, stderr io.Writer) int {
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprintf(stderr, "mpgen %s: %v; mpgen %s --help tells the usage\n", name, err, name)
	return 2
}

// request is `mpgen request`.
func request(args []string, stdout, stderr io.Writer) int {
	var s schemaFlags
	if err := s.parse(flag.NewFlagSet("request", flag.ContinueOnError), args); err != nil {
		return badArguments("request", requestUsage, err, stdout, stderr)
	}
	res, diags := compiler.Compile(s.options, s.files...)
	if len(diags) > 0 {
		fmt.Fprint(stderr, diags.Format())
		return 1
	}
	w := bufio.NewWriter(stdout)
	_, err := res.Request.Message().WriteTo(w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		fmt.Fprintf(stderr, "mpgen request: %v\n", err)
		return 1
	}
	return 0
}

// newID is `mpgen id`.
func newID(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprintln(stderr, "usage: mpgen id\n\nPrints a new id for a schema file.")
		return 2
	}
	var b [8]byte
	rand.Read(b[:])
	fmt.Fprintf(stdout, "@%#x\n", binary.BigEndian.Uint64(b[:])|1<<63)
	return 0
}
