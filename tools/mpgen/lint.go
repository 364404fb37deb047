package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/lint"
)

const lintUsage = `usage: mpgen lint [flags] file.capnp...

Looks for what goes wrong in use: a method that takes an object but no context, a construct without thread maps, a
destroy without context, a hasX or wantX without x. These are warnings.

With --against it looks instead for changes since an older version of the file that break the wire: of types,
ordinals, ids, layout, defaults and methods' signatures.

Flags:
  --against=old.capnp         the older version of the only file given
  -I dir, --import-path=dir   where imports that start with a slash are looked for; repeatable.
                              The standard ones (/capnp/c++.capnp, /mp/proxy.capnp, ...) are built in.
  --against-path=dir          the same for the older version; default: those of -I; repeatable
  --src-prefix=dir            a folder that is left out of the names of files; repeatable
  --no-standard-import        do not use the built-in imports
  --bindings=file             a file that applies annotations to the declarations of others; repeatable
  --report=file               for build tools: write what is found to a file, which is empty if there is nothing, and
                              exit with 0

The exit status is 1 if anything is found, and 2 for wrong arguments.
`

// lintSchemas is `mpgen lint`.
func lintSchemas(args []string, stdout, stderr io.Writer) int {
	var s schemaFlags
	var against, report string
	var oldRoots []string
	flags := flag.NewFlagSet("lint", flag.ContinueOnError)
	flags.StringVar(&against, "against", "", "")
	flags.Var((*list)(&oldRoots), "against-path", "")
	flags.StringVar(&report, "report", "", "")
	err := s.parse(flags, args)
	if err == nil && against != "" && len(s.files) != 1 {
		err = fmt.Errorf("--against goes with one file, not %d", len(s.files))
	}
	if err != nil {
		return badArguments("lint", lintUsage, err, stdout, stderr)
	}
	found, err := lintFiles(&s, against, oldRoots)
	if err != nil {
		fmt.Fprintf(stderr, "mpgen lint: %v\n", err)
		return 1
	}
	if report != "" {
		if err := os.WriteFile(report, []byte(found.Format()), 0o666); err != nil {
			fmt.Fprintf(stderr, "mpgen lint: %v\n", err)
			return 1
		}
		return 0
	}
	if len(found) > 0 {
		fmt.Fprint(stderr, found.Format())
		return 1
	}
	return 0
}

// lintFiles compiles and looks. What the compiler finds comes first.
func lintFiles(s *schemaFlags, against string, oldRoots []string) (compiler.Diagnostics, error) {
	res, diags := compiler.Compile(s.options, s.files...)
	if len(diags) > 0 {
		return diags, nil
	}
	if against == "" {
		return lint.Check(res)
	}
	options := s.options
	options.Bindings = nil
	if len(oldRoots) > 0 {
		options.ImportPaths = oldRoots
	}
	old, diags := compiler.Compile(options, against)
	if len(diags) > 0 {
		return diags, nil
	}
	return lint.Compare(old, res)
}
