// Package gogen writes the Go source of a schema: types that a Go programmer
// would have written, and proxies that pkg/mprt brings to life. What it writes
// is thin; whatever is the same for every schema is in mprt.
package gogen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// Package is where the Go code of a schema file is.
type Package struct {
	ImportPath string
	Name       string
}

// Options say where Go packages are.
type Options struct {
	// Package finds the package of a file, generated or imported. It fails
	// for a file that nobody named.
	Package func(f *model.File) (Package, error)
	// ImportPos finds where a file imports another one; it may be nil.
	ImportPos func(f, imported *model.File) model.Pos
	// Sources are Go files with structs that are bound.
	Sources []Source
}

// Output is one generated file.
type Output struct {
	Schema  string // name of the schema file
	Content []byte
}

// Generate writes one Go file for each schema file. An error about the schema
// is of type model.Errors.
func Generate(s *model.Schema, opts Options) ([]Output, error) {
	// What a file calls its imports and its own helpers is not known before it
	// has been written, and no argument may hide any of it: so it is written
	// again, as long as there is something that was not known.
	inner := map[string]names{}
	if err := checkBases(s); err != nil {
		return nil, err
	}
	if err := bindTags(s, opts); err != nil {
		return nil, err
	}
	for {
		out, found, err := generate(s, opts, inner)
		if err != nil {
			return nil, err
		}
		known := true
		for importPath, list := range found {
			if inner[importPath] == nil {
				inner[importPath] = names{}
			}
			for name := range list {
				known = known && inner[importPath][name]
				inner[importPath][name] = true
			}
		}
		if known {
			return printed(out)
		}
	}
}

// written is a Go file that is not formatted yet.
type written struct {
	schema string
	fset   *token.FileSet
	file   *ast.File
}

// printed formats files as gofmt does.
func printed(files []written) ([]Output, error) {
	out := make([]Output, len(files))
	for i, w := range files {
		var content bytes.Buffer
		if err := format.Node(&content, w.fset, w.file); err != nil {
			return nil, fmt.Errorf("%s: generated code cannot be printed, which is a bug in mpgen: %w", w.schema, err)
		}
		out[i] = Output{Schema: w.schema, Content: content.Bytes()}
	}
	return out, nil
}

// generate is [Generate], given the names that arguments cannot have in each
// package. It returns those that it found, by import path.
func generate(s *model.Schema, opts Options, inner map[string]names) ([]written, map[string]names, error) {
	var out []written
	var errs model.Errors
	found := map[string]names{}
	declared := map[string]map[string]string{} // by import path: where each name is declared
	for _, f := range s.Files {
		pkg, err := opts.Package(f)
		if err != nil {
			errs = append(errs, &model.Error{Pos: model.Pos{File: f.Name}, Msg: err.Error()})
			continue
		}
		g := newGenerator(f, pkg, opts)
		g.inner = inner[pkg.ImportPath]
		g.file()
		errs = append(errs, g.errs...)
		if len(g.errs) > 0 {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "", g.content(), parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: generated code does not parse, which is a bug in mpgen: %w", f.Name, err)
		}
		if declared[pkg.ImportPath] == nil {
			declared[pkg.ImportPath] = map[string]string{}
		}
		errs = append(errs, clashes(f, file, declared[pkg.ImportPath])...)
		out = append(out, written{f.Name, fset, file})
		if found[pkg.ImportPath] == nil {
			found[pkg.ImportPath] = names{}
		}
		for _, name := range g.imports {
			found[pkg.ImportPath][name] = true
		}
	}
	if len(errs) > 0 {
		return nil, nil, errs.Sort()
	}
	for importPath, list := range declared {
		for name := range list {
			// No argument is exported, and nobody can call init.
			if !ast.IsExported(name) && name != "init" {
				found[importPath][name] = true
			}
		}
	}
	return out, found, nil
}

// clashes finds names that a Go package would declare twice. Generated names
// keep out of each other's way wherever that can be done without looking at
// other files; this is for what is left.
func clashes(f *model.File, file *ast.File, declared map[string]string) (errs model.Errors) {
	declare := func(name string) {
		if other, ok := declared[name]; ok && name != "_" && name != "init" {
			errs = append(errs, &model.Error{Pos: declaredAt(f, name),
				Msg: fmt.Sprintf("%s is declared twice in Go, here and by %s: give one of the declarations another name with $Go.name", name, other)})
		}
		declared[name] = f.Name
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				declare(d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					declare(spec.Name.Name)
				case *ast.ValueSpec:
					for _, n := range spec.Names {
						declare(n.Name)
					}
				}
			}
		}
	}
	return errs
}

// declaredAt is where the declaration with a Go name is, or else the file.
func declaredAt(f *model.File, name string) model.Pos {
	var all []*model.Decl
	for _, d := range f.Enums {
		all = append(all, &d.Decl)
	}
	for _, d := range f.Structs {
		all = append(all, &d.Decl)
	}
	for _, d := range f.Interfaces {
		all = append(all, &d.Decl)
	}
	for _, d := range f.Consts {
		all = append(all, &d.Decl)
	}
	for _, d := range all {
		if goName(d) == name {
			return d.Pos
		}
	}
	return model.Pos{File: f.Name}
}

const (
	mprtPath  = "github.com/mpgo-dev/mpgo/pkg/mprt"
	capnpPath = "capnproto.org/go/capnp/v3"
)

// generator writes one Go file.
type generator struct {
	schema *model.File
	pkg    Package
	opts   Options
	buf    bytes.Buffer
	errs   model.Errors

	imports map[string]string // import path to local name
	real    map[string]string // import path to the package's own name, where it is known
	bound   names             // import paths that bindings name: what their packages are called is not known
	local   names             // names of helpers that have been written
	hoisted map[string]string // names of codecs that are variables, to what they are
	inner   names             // what the package's files import and declare for themselves

	// checks holds declarations that only make the compiler check a binding,
	// each with its place in the schema.
	checks bytes.Buffer
	// after holds declarations that follow the one that needs them.
	after []func()
	// params are the names of the type parameters in scope, codecs the
	// expressions of their codecs, and members the fields of a struct's codec
	// that hold these.
	params, codecs, members map[model.Param]string
	// wrapped says that the struct at hand is an existing Go type.
	wrapped bool
}

func newGenerator(f *model.File, pkg Package, opts Options) *generator {
	return &generator{schema: f, pkg: pkg, opts: opts, imports: map[string]string{}, real: map[string]string{}, bound: names{}, local: names{},
		hoisted: map[string]string{}}
}

// P prints its arguments, one line in all.
func (g *generator) P(args ...any) {
	for _, a := range args {
		fmt.Fprint(&g.buf, a)
	}
	g.buf.WriteByte('\n')
}

func (g *generator) errorf(pos model.Pos, msg string, args ...any) {
	g.errs = append(g.errs, &model.Error{Pos: pos, Msg: fmt.Sprintf(msg, args...)})
}

// imp imports a package and returns the name it has in this file.
func (g *generator) imp(importPath string) string {
	if name, ok := g.imports[importPath]; ok {
		return name
	}
	base, ok := g.real[importPath]
	if !ok {
		base = PackageName(importPath)
	}
	name := base
	taken := func(n string) bool {
		for _, other := range g.imports {
			if other == n {
				return true
			}
		}
		return keywords[n] || predeclared[n]
	}
	for i := 2; taken(name); i++ {
		name = base + strconv.Itoa(i)
	}
	g.imports[importPath] = name
	return name
}

// impBound imports a package that a binding names, whatever it calls itself.
func (g *generator) impBound(importPath string) string {
	if _, known := g.real[importPath]; !known && !standard(importPath) && importPath != mprtPath && importPath != capnpPath {
		g.bound[importPath] = true
	}
	return g.imp(importPath)
}

// standard reports whether an import path is one of the standard library, or
// at least looks like one.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func (g *generator) mprt(name string) string  { return g.imp(mprtPath) + "." + name }
func (g *generator) capnp(name string) string { return g.imp(capnpPath) + "." + name }

// qual qualifies a name of the package that a schema file is in.
func (g *generator) qual(f *model.File, name string) string {
	if f == g.schema || f == nil {
		return name
	}
	pkg, err := g.opts.Package(f)
	if err != nil {
		pos := model.Pos{File: g.schema.Name}
		if g.opts.ImportPos != nil {
			pos = g.opts.ImportPos(g.schema, f)
		}
		g.errorf(pos, "%v", err)
		return name
	}
	if pkg.ImportPath == g.pkg.ImportPath {
		return name
	}
	g.real[pkg.ImportPath] = pkg.Name
	return g.imp(pkg.ImportPath) + "." + name
}

// file writes the whole file.
func (g *generator) file() {
	g.validate()
	for _, e := range g.schema.Enums {
		g.enum(e)
	}
	for _, c := range g.schema.Consts {
		g.constant(c)
	}
	for _, s := range g.schema.Structs {
		g.structure(s)
	}
	for _, i := range g.schema.Interfaces {
		g.iface(i)
	}
	g.guard()
}

// guard makes code for a newer runtime fail to compile with an older one.
func (g *generator) guard() {
	if g.buf.Len() == 0 {
		return
	}
	body := g.buf.String()
	g.buf.Reset()
	g.say("A compile error here means that this file needs a newer mprt than the one it is built with.")
	g.P("const _ = ", g.mprt("IsAtLeastVersion0_1"))
	g.P()
	g.buf.WriteString(body)
}

func (g *generator) content() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "// Code generated by mpgen. DO NOT EDIT.\n// source: %s\n\n", path.Base(g.schema.Name))
	if doc := strings.TrimSpace(g.schema.Doc); doc != "" {
		writeComment(&out, doc)
	}
	fmt.Fprintf(&out, "package %s\n\n", g.pkg.Name)
	var std, other []string
	for p := range g.imports {
		if standard(p) {
			std = append(std, p)
		} else {
			other = append(other, p)
		}
	}
	if len(g.imports) > 0 {
		out.WriteString("import (\n")
		for _, list := range [][]string{std, other} {
			sort.Strings(list)
			for _, p := range list {
				name, real := g.imports[p], path.Base(p)
				if r, ok := g.real[p]; ok {
					real = r
				}
				if (name != path.Base(p) || name != real || g.bound[p]) && !(p == capnpPath && name == "capnp") {
					fmt.Fprintf(&out, "%s ", name)
				}
				fmt.Fprintf(&out, "%q\n", p)
			}
			out.WriteString("\n")
		}
		out.WriteString(")\n\n")
	}
	out.Write(g.buf.Bytes())
	if g.checks.Len() > 0 {
		out.WriteString("// What the bindings of the schema need of Go types. A compile error from here on is\n" +
			"// about the line of the schema that it names.\n\n")
		out.Write(g.checks.Bytes())
	}
	return out.Bytes()
}

// check makes the compiler check a declaration, and report an error at a place
// in the schema.
func (g *generator) check(pos model.Pos, decl ...any) {
	if pos.Line > 0 {
		fmt.Fprintf(&g.checks, "//line %s:%d:%d\n", path.Base(pos.File), pos.Line, pos.Col)
	}
	for _, d := range decl {
		fmt.Fprint(&g.checks, d)
	}
	g.checks.WriteString("\n\n")
}

// comment writes the schema's doc comment, or else what it is.
func (g *generator) comment(doc, otherwise string) {
	if doc = strings.TrimSpace(doc); doc == "" {
		doc = otherwise
	}
	if doc != "" {
		writeComment(&g.buf, doc)
	}
}

// declComment is comment for a declaration, with where it is in the schema.
func (g *generator) declComment(d *model.Decl, name, what string) {
	where := name + " is the " + what + " " + d.FullName() + " of " + path.Base(g.schema.Name) + "."
	writeComment(&g.buf, joinDocs(where, strings.TrimSpace(d.Doc)))
}

func writeComment(out *bytes.Buffer, doc string) {
	for _, line := range strings.Split(strings.TrimRight(doc, "\n "), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if before, after, ok := strings.Cut(line, "+build"); ok && strings.TrimSpace(before) == "" {
			line = before + `\+build` + after // gofmt would make a constraint of the file of it
		}
		if strings.HasPrefix(line, "go:") {
			line = `\` + line // staticcheck would take it for a directive that was meant
		}
		if line == "" {
			out.WriteString("//\n")
			continue
		}
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			fmt.Fprintf(out, "//%s\n", line)
			continue
		}
		fmt.Fprintf(out, "// %s\n", line)
	}
}

// say writes a comment of mpgen's own.
func (g *generator) say(parts ...string) { writeComment(&g.buf, fill(strings.Join(parts, ""))) }

// fill breaks a text into lines of a comment's usual length.
func fill(text string) string { return fillWords(strings.Fields(text)) }

// fillWords is fill for a text of words, which may have spaces.
func fillWords(words []string) string {
	var b strings.Builder
	column := 0
	for _, w := range words {
		n := utf8.RuneCountInString(w)
		switch {
		case column == 0:
		case column+1+n > 77: // with the slashes 80
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(w)
		column += n
	}
	return b.String()
}

// flush writes the declarations that were put off.
func (g *generator) flush() {
	for len(g.after) > 0 {
		run := g.after
		g.after = nil
		for _, f := range run {
			f()
		}
	}
}
