package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/token"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/gogen"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

const generateUsage = `usage: mpgen [generate] [flags] file.capnp...

Writes a Go file for each schema file: foo.capnp becomes foo.mp.go. It holds the
schema's types, and for each interface a proxy client and a proxy server.

    mpgen -I . --go_out=calculator --importpath=example.com/app/calculator calculator.capnp

Flags:
  -I dir                      where imports that start with a slash are looked for; repeatable.
                              The standard ones (/capnp/c++.capnp, /mp/proxy.capnp, ...) are built in.
  --go_out=dir                the folder to write to (default: the working directory)
  --importpath=path           the Go import path of the generated package; not needed if the files say
                              it with $Go.import
  --package=name              its Go package name (default: the last element of the import path)
  --map=schema=importpath     the Go import path of a schema that is imported; repeatable
  --bindings=file             a file that says how the schema maps to Go where the schema does not; repeatable.
                              Of a Go file it takes the tags of structs that are bound

Flags for build tools:
  @file                       more arguments, one a line
  --schema=name=file          a file that may be imported by a name, and where it is; repeatable. No other
                              files are looked for then
  --out=name=file             generate a --schema into a file; repeatable
  --importable=name           a --schema that those named by --out may import; repeatable
  --label=label               the target being built, for messages
  --label_of=name=label       the target that has a --schema, for messages; repeatable
  --package_of=name=label     the target that has its Go package, for messages; repeatable
  --request=file              take a compiled schema (capnp compile -o-) instead of compiling

Errors are printed as file:line:column: message. The exit status is then 1, and no file is written; it is 2
for wrong arguments.
`

// generateOptions are the arguments of `mpgen generate`.
type generateOptions struct {
	roots      []string
	files      []string
	goOut      string
	importPath string
	pkg        string
	maps       pairs
	bindings   []string
	sources    []string // bindings that are Go files
	schemas    pairs
	outs       pairs
	importable []string
	label      string
	labels     pairs
	packages   pairs
	request    string

	read map[string]source // by the name in the request
}

// source is a schema file under the name that its user knows.
type source struct {
	shown   string
	content []byte
}

// pairs is a repeatable flag whose values are name=value.
type pairs []pair

type pair struct{ name, value string }

func (p *pairs) String() string { return "" }

func (p *pairs) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" || value == "" {
		return fmt.Errorf("%q is not of the form name=value", s)
	}
	*p = append(*p, pair{name, value})
	return nil
}

// find returns the last value for a name.
func (p pairs) find(name string) (string, bool) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].name == name {
			return p[i].value, true
		}
	}
	return "", false
}

// all returns all values for a name.
func (p pairs) all(name string) []string {
	var values []string
	for _, pair := range p {
		if pair.name == name {
			values = append(values, pair.value)
		}
	}
	return values
}

// list is a repeatable flag.
type list []string

func (l *list) String() string     { return "" }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func parseGenerate(args []string) (*generateOptions, error) {
	args, err := expandArguments(args)
	if err != nil {
		return nil, err
	}
	o := &generateOptions{}
	fs := flag.NewFlagSet("mpgen", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Var((*list)(&o.roots), "I", "")
	fs.StringVar(&o.goOut, "go_out", ".", "")
	fs.StringVar(&o.importPath, "importpath", "", "")
	fs.StringVar(&o.pkg, "package", "", "")
	fs.Var(&o.maps, "map", "")
	fs.Var((*list)(&o.bindings), "bindings", "")
	fs.Var(&o.schemas, "schema", "")
	fs.Var(&o.outs, "out", "")
	fs.Var((*list)(&o.importable), "importable", "")
	fs.StringVar(&o.label, "label", "", "")
	fs.Var(&o.labels, "label_of", "")
	fs.Var(&o.packages, "package_of", "")
	fs.StringVar(&o.request, "request", "", "")
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			break
		}
		// The flag package stops at the first file; flags may come after it.
		o.files = append(o.files, fs.Arg(0))
		args = fs.Args()[1:]
	}
	o.bindings = slices.DeleteFunc(o.bindings, func(name string) bool {
		if strings.HasSuffix(name, ".go") {
			o.sources = append(o.sources, name)
			return true
		}
		return false
	})
	switch {
	case len(o.files) == 0 && len(o.outs) == 0 && o.request == "":
		return nil, errors.New("no schema file given")
	case len(o.files) > 0 && len(o.outs) > 0:
		return nil, errors.New("--out names the files to generate, so there can be no other arguments")
	case len(o.outs) > 0 && len(o.schemas) == 0:
		return nil, errors.New("--out needs --schema to say where the schema is")
	}
	return o, nil
}

// expandArguments replaces @file by the lines of the file, and -Idir, as other
// compilers take it too, by -I dir.
func expandArguments(args []string) ([]string, error) {
	var out []string
	add := func(arg string) {
		if dir, ok := strings.CutPrefix(arg, "-I"); ok && dir != "" && dir[0] != '=' {
			out = append(out, "-I")
			arg = dir
		}
		out = append(out, arg)
	}
	for _, a := range args {
		name, ok := strings.CutPrefix(a, "@")
		if !ok {
			add(a)
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(string(content), "\n") {
			if line = strings.TrimSuffix(line, "\r"); line != "" {
				add(line)
			}
		}
	}
	return out, nil
}

// generate is `mpgen generate`.
func generate(args []string, stdout, stderr io.Writer) int {
	o, err := parseGenerate(args)
	if err != nil {
		return badArguments("generate", generateUsage, err, stdout, stderr)
	}
	files, err := o.run()
	if err == nil {
		err = writeAll(files)
	}
	var diags compiler.Diagnostics
	var errs model.Errors
	switch {
	case err == nil:
		return 0
	case errors.As(err, &diags):
		fmt.Fprint(stderr, diags.Format())
	case errors.As(err, &errs):
		for _, e := range errs {
			o.show(stderr, e)
		}
	default:
		fmt.Fprintf(stderr, "mpgen: %v\n", err)
	}
	return 1
}

// run makes the content of the files to write, by name.
func (o *generateOptions) run() (map[string][]byte, error) {
	req, err := o.compile()
	if err != nil {
		return nil, err
	}
	m, err := model.New(req, o.locate)
	if err != nil {
		return nil, err
	}
	generated := map[*model.File]bool{}
	for _, f := range m.Files {
		generated[f] = true
	}
	var sources []gogen.Source
	for _, name := range o.sources {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, gogen.Source{Name: name, Content: content})
	}
	outputs, err := gogen.Generate(m, gogen.Options{
		Sources:   sources,
		Package:   func(f *model.File) (gogen.Package, error) { return o.packageOf(f, generated[f]) },
		ImportPos: o.importPos,
	})
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, out := range outputs {
		name, err := o.outputName(out.Schema)
		if err != nil {
			return nil, err
		}
		if _, ok := files[name]; ok {
			return nil, fmt.Errorf("two of the schema files would both become %s: give each its own --go_out", name)
		}
		files[name] = out.Content
	}
	return files, nil
}

// compile returns the compiled schema. Its errors are compiler.Diagnostics.
func (o *generateOptions) compile() (schema.CodeGeneratorRequest, error) {
	if o.request != "" {
		return readRequest(o.request)
	}
	options := compiler.Options{ImportPaths: o.roots, Bindings: o.bindings}
	files := o.files
	if len(o.schemas) > 0 {
		options = compiler.Options{FS: o, Dir: "/", ImportPaths: []string{"/"}}
		for _, b := range o.bindings {
			options.Bindings = append(options.Bindings, o.bindingsName(b))
		}
		if len(o.outs) > 0 {
			options.Importable = append([]string{}, o.importable...)
		}
		for _, out := range o.outs {
			files = append(files, out.name)
		}
	}
	res, diags := compiler.Compile(options, files...)
	if len(diags) > 0 {
		for _, d := range diags {
			o.explain(d)
		}
		return schema.CodeGeneratorRequest{}, diags
	}
	return res.Request, nil
}

// readRequest reads a request that another compiler wrote.
func readRequest(name string) (schema.CodeGeneratorRequest, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return schema.CodeGeneratorRequest{}, err
	}
	msg, err := capnp.Unmarshal(data)
	if err != nil {
		return schema.CodeGeneratorRequest{}, fmt.Errorf("%s: %w", name, err)
	}
	// The whole file is in memory already; reading it over and over is no harm.
	msg.ResetReadLimit(math.MaxUint64)
	req, err := schema.ReadRootCodeGeneratorRequest(msg)
	if err != nil {
		return schema.CodeGeneratorRequest{}, fmt.Errorf("%s: %w", name, err)
	}
	return req, nil
}

// ReadFile reads a file by the name that --schema or --bindings gives it.
func (o *generateOptions) ReadFile(name string) ([]byte, error) {
	if rivals := o.rivals(name); rivals != nil {
		return nil, fmt.Errorf("it may be that of %s", strings.Join(rivals, " or of "))
	}
	if file := o.file(name); file != "" {
		return compiler.OS.ReadFile(file)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// rivals returns the targets that have different files by one name, if there
// are several.
func (o *generateOptions) rivals(name string) []string {
	name = "/" + strings.TrimPrefix(name, "/")
	files, labels := o.schemas.all(name), o.labels.all(name)
	if len(files) < 2 {
		return nil
	}
	var rivals []string
	var seen [][]byte
	for i, file := range files {
		content, err := compiler.OS.ReadFile(file)
		if err != nil || slices.ContainsFunc(seen, func(other []byte) bool { return bytes.Equal(content, other) }) {
			continue
		}
		seen = append(seen, content)
		if len(labels) == len(files) {
			file = labels[i]
		}
		rivals = append(rivals, file)
	}
	if len(rivals) < 2 {
		return nil
	}
	return rivals
}

// file is where a file is whose name the compiler knows; "" if nobody gave it.
func (o *generateOptions) file(name string) string {
	name = "/" + strings.TrimPrefix(name, "/")
	if file, ok := o.schemas.find(name); ok {
		return file
	}
	for _, b := range o.bindings {
		if o.bindingsName(b) == name {
			return b
		}
	}
	return ""
}

// bindingsName is the name by which the compiler knows a file of bindings: as
// if it were beside the schemas of its folder, so that it finds them by a
// relative import whatever their names begin with.
func (o *generateOptions) bindingsName(file string) string {
	file = path.Clean(filepath.ToSlash(file))
	for _, schemas := range []pairs{o.outs, o.schemas} { // first those to generate
		for _, s := range schemas {
			if at, ok := o.schemas.find(s.name); ok && path.Dir(path.Clean(filepath.ToSlash(at))) == path.Dir(file) {
				return path.Join(path.Dir(s.name), path.Base(file))
			}
		}
	}
	return "/" + strings.TrimPrefix(file, "/")
}

// explain makes an error tell a user of a build tool what to do about it.
func (o *generateOptions) explain(d *compiler.Diagnostic) {
	if len(o.schemas) == 0 {
		return
	}
	shown := func(p *compiler.Position) {
		if file := o.file(p.File); file != "" {
			p.File = file
		}
	}
	importer := d.Start.File
	shown(&d.Start)
	shown(&d.End)
	for i := range d.Notes {
		shown(&d.Notes[i].Start)
	}
	if o.label == "" {
		return
	}
	switch d.Code {
	case compiler.ImportNotListed:
		name := "/" + strings.TrimPrefix(d.Import, "/")
		label, ok := o.packages.find(name)
		if !ok {
			label, ok = o.labels.find(name)
		}
		if !ok {
			label = "the target that has " + name
		}
		d.Message, d.Hint = fmt.Sprintf("import %q: missing dep: add %s to deps of %s", name, label, o.label), ""
	case compiler.ImportNotFound:
		name := d.Import
		if !path.IsAbs(name) {
			name = path.Join(path.Dir(importer), name)
		}
		if rivals := o.rivals(name); rivals != nil {
			d.Message, d.Hint = fmt.Sprintf("import %q: %s have different files of this name: leave only one of them in what %s depends on",
				d.Import, strings.Join(rivals, " and "), o.label), ""
			break
		}
		d.Message, d.Hint = fmt.Sprintf("import %q: no target in deps of %s has this file: add the one with %s in its srcs", d.Import, o.label, d.Import), ""
	}
}

// source reads, once, the source of a schema file that the request names.
func (o *generateOptions) source(name string) (shown string, content []byte) {
	src, ok := o.read[name]
	if !ok {
		src = o.readSource(name)
		if o.read == nil {
			o.read = map[string]source{}
		}
		o.read[name] = src
	}
	return src.shown, src.content
}

func (o *generateOptions) readSource(name string) source {
	if file := o.file(name); file != "" {
		content, _ := os.ReadFile(file)
		return source{file, content}
	}
	// The names of files outside of the working directory start from the root.
	for _, dir := range append([]string{"", "/"}, o.roots...) {
		shown := filepath.Join(dir, filepath.FromSlash(name))
		if content, err := os.ReadFile(shown); err == nil {
			return source{shown, content}
		}
	}
	return source{name, nil} // only errors are less precise for it
}

// locate implements [model.Locate].
func (o *generateOptions) locate(name string, start, end uint32, members ...model.Member) (line, col int) {
	_, src := o.source(name)
	if int64(start) >= int64(end) || int64(end) > int64(len(src)) {
		return 0, 0
	}
	at := int(start)
	for _, m := range members {
		offset := memberIn(src[at:end], m)
		if offset < 0 {
			break
		}
		at += offset
	}
	return place(src, at)
}

// memberIn finds where a member is declared: its name as a word of its own, and after it its ordinal, or a colon if it has none.
// It is called for everything in a schema, so it compiles no pattern.
func memberIn(src []byte, m model.Member) int {
	name, ordinal := []byte(m.Name), []byte("@"+strconv.Itoa(m.Ordinal))
	for from := 0; from < len(src); {
		at := bytes.Index(src[from:], name)
		if at < 0 {
			break
		}
		at += from
		from = at + 1
		if at > 0 && isWord(src[at-1]) {
			continue
		}
		rest := bytes.TrimLeft(src[at+len(name):], " \t\n\f\r")
		if m.Ordinal < 0 {
			if len(rest) > 0 && (rest[0] == '@' || rest[0] == ':') {
				return at
			}
		} else if after, ok := bytes.CutPrefix(rest, ordinal); ok && (len(after) == 0 || !isWord(after[0])) {
			return at
		}
	}
	return -1
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// importPos finds where a file imports another one.
func (o *generateOptions) importPos(f, imported *model.File) model.Pos {
	_, src := o.source(f.Name)
	pos := model.Pos{File: f.Name}
	pattern := regexp.MustCompile(`\bimport\s*("` + regexp.QuoteMeta(f.Imports[imported.ID]) + `")`)
	if loc := pattern.FindSubmatchIndex(src); loc != nil {
		pos.Line, pos.Col = place(src, loc[2])
	}
	return pos
}

// place is the line and the column of an offset.
func place(src []byte, offset int) (line, col int) {
	before := src[:offset]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// show prints an error with its line and a caret.
func (o *generateOptions) show(w io.Writer, e *model.Error) {
	shown, src := o.source(e.Pos.File)
	pos := e.Pos
	pos.File = shown
	fmt.Fprintf(w, "%s: error: %s\n", pos, e.Msg)
	lines := strings.Split(string(src), "\n")
	if pos.Line == 0 || pos.Line > len(lines) {
		return
	}
	line := lines[pos.Line-1]
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[:min(pos.Col-1, len(line))])
	fmt.Fprintf(w, "    %s\n    %s^\n", line, indent)
}

// packageOf finds the Go package of a schema file. generated says whether the
// file is one to generate.
func (o *generateOptions) packageOf(f *model.File, generated bool) (gogen.Package, error) {
	importPath, name := "", ""
	switch {
	case generated:
		importPath, name = o.importPath, o.pkg
		if importPath == "" {
			importPath = f.Go.Import
		}
		if name == "" {
			name = f.Go.Package
		}
		if importPath == "" {
			return gogen.Package{}, errors.New("no Go import path: give --importpath, or $Go.import in the file")
		}
	default:
		for _, key := range []string{f.Name, "/" + strings.TrimPrefix(f.Name, "/"), strings.TrimPrefix(f.Name, "/")} {
			if importPath == "" {
				importPath, _ = o.maps.find(key)
			}
		}
		if importPath == "" {
			importPath = f.Go.Import
		}
		if importPath == "" {
			return gogen.Package{}, errors.New(o.missingPackage(f.Name))
		}
		name = f.Go.Package
	}
	if name == "" {
		name = gogen.PackageName(importPath)
	}
	if !token.IsIdentifier(name) {
		return gogen.Package{}, fmt.Errorf("%q is no name of a Go package", name)
	}
	return gogen.Package{ImportPath: importPath, Name: name}, nil
}

// missingPackage tells what to do about an imported file whose Go package is
// not known.
func (o *generateOptions) missingPackage(name string) string {
	if o.label == "" {
		return fmt.Sprintf("no Go package for %s, whose types are used: tell where its generated code is by --map=%s=IMPORTPATH or "+
			"by $Go.import in it, or give it as an argument too, to generate it into the same package", name, name)
	}
	imported := "/" + strings.TrimPrefix(name, "/")
	if label, ok := o.packages.find(imported); ok {
		return fmt.Sprintf("no Go package for %s: add %s to deps of %s", name, label, o.label)
	}
	if label, ok := o.labels.find(imported); ok {
		return fmt.Sprintf("no Go package for %s: add %s to deps of %s; if that is a capnp_library, add the mp_go_library "+
			"that has schemas = [%q] in its place, or make one", name, label, o.label, label)
	}
	return fmt.Sprintf("no Go package for %s: add the mp_go_library for it to deps of %s", name, o.label)
}

// outputName is where the code of a schema file goes.
func (o *generateOptions) outputName(schema string) (string, error) {
	if len(o.outs) > 0 {
		if file, ok := o.outs.find("/" + strings.TrimPrefix(schema, "/")); ok {
			return file, nil
		}
		return "", fmt.Errorf("no --out for %s", schema)
	}
	base := path.Base(filepath.ToSlash(schema))
	return filepath.Join(o.goOut, strings.TrimSuffix(base, ".capnp")+".mp.go"), nil
}

// writeAll writes all files or, if anything fails on the way, none.
func writeAll(files map[string][]byte) (err error) {
	temps := map[string]string{}
	defer func() {
		for _, temp := range temps {
			_ = os.Remove(temp) // what was not renamed
		}
	}()
	for name, content := range files {
		dir := filepath.Dir(name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		temp := filepath.Join(dir, fmt.Sprintf(".%s.%d", filepath.Base(name), os.Getpid()))
		temps[name] = temp
		if err := os.WriteFile(temp, content, 0o666); err != nil {
			return err
		}
	}
	for name := range files {
		if err := os.Rename(temps[name], name); err != nil {
			return err
		}
		delete(temps, name)
	}
	return nil
}
