// Command load loads packages as editors do, by GOPACKAGESDRIVER, and fails where something is missing or wrong. It prints where the
// methods and fields that a package uses are defined: where "go to definition" leads.
package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

const mode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
	packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedTypesInfo

// load returns the packages that a pattern stands for. All that they import, at any depth, has to be there without an error.
func load(pattern string, tests bool) []*packages.Package {
	found, err := packages.Load(&packages.Config{Mode: mode, Tests: tests}, pattern)
	if err != nil {
		log.Fatalf("%s: %v", pattern, err)
	}
	if len(found) == 0 {
		log.Fatalf("%s: no packages", pattern)
	}
	loaded := 0
	packages.Visit(found, nil, func(p *packages.Package) {
		loaded++
		for _, e := range p.Errors {
			log.Fatalf("%s: %s: %v", pattern, p.ID, e)
		}
		if p.Types == nil || !p.Types.Complete() || p.IllTyped {
			log.Fatalf("%s: %s: its types are not complete", pattern, p.ID)
		}
	})
	fmt.Printf("%s: %d packages\n", pattern, loaded)
	return found
}

// one returns the only package of an import path.
func one(found []*packages.Package, importPath string) *packages.Package {
	i := slices.IndexFunc(found, func(p *packages.Package) bool { return p.PkgPath == importPath })
	if i < 0 {
		log.Fatalf("%s is not among %v", importPath, found)
	}
	return found[i]
}

// generated returns the file that mpgen wrote of a schema for a package.
func generated(p *packages.Package, name string) string {
	for _, f := range p.CompiledGoFiles {
		if filepath.Base(f) == name {
			if _, err := os.Stat(f); err != nil {
				log.Fatal(err)
			}
			return f
		}
	}
	log.Fatalf("%s has no %s, but %v", p.ID, name, p.CompiledGoFiles)
	return ""
}

// fileQuery asks of which package a file of the repository is.
func fileQuery(name string) string {
	abs, err := filepath.Abs(name)
	if err != nil {
		log.Fatal(err)
	}
	return "file=" + abs
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("load: ")
	if err := os.Chdir(os.Getenv("BUILD_WORKSPACE_DIRECTORY")); err != nil {
		log.Fatal(err)
	}
	const greeter = "example.com/greeter/greeter"

	editors := one(load("./editors", false), "example.com/greeter/editors")
	generated(editors.Imports["example.com/greeter/names"], "names.mp.go")
	generated(editors.Imports["github.com/mpgo-dev/mpgo/example/printer"], "printer.mp.go")
	generated(editors.Imports[greeter], "greeter.mp.go")
	iface, _ := editors.Imports[greeter].Types.Scope().Lookup("Greeter").Type().Underlying().(*types.Interface)
	if iface == nil || iface.NumMethods() == 0 {
		log.Fatal("greeter.Greeter is no interface with methods")
	}

	// With the tests of a package, and from a file to its package.
	one(load("./greeter", true), greeter)
	one(load(fileQuery("editors/editors.go"), false), "example.com/greeter/editors")
	generated(one(load(fileQuery("editors/room/span.go"), false), "example.com/greeter/editors/room"), "room.mp.go")

	definitions(editors)
}

// definitions prints where methods and fields are defined that the package's own files use.
func definitions(p *packages.Package) {
	for _, f := range p.Syntax {
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && p.TypesInfo.Selections[sel] != nil {
				at := p.Fset.PositionFor(p.TypesInfo.Uses[sel.Sel].Pos(), false)
				if strings.HasSuffix(at.Filename, ".mp.go") && at.Line > 0 && token.IsExported(sel.Sel.Name) {
					fmt.Printf("%s is at %s:%d\n", sel.Sel.Name, at.Filename, at.Line)
				}
			}
			return true
		})
	}
}
