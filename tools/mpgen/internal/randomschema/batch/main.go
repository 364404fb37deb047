// Batch writes Go packages of random schemas, each with a test: a module to
// build, vet and test.
//
//	go run ./tools/mpgen/internal/randomschema/batch -n 100 -out /tmp/batch
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/gogen"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/randomschema"
)

func main() {
	log.SetFlags(0)
	n := flag.Int("n", 20, "how many packages")
	seed := flag.Uint64("seed", 1, "the first of their seeds")
	out := flag.String("out", "", "the folder of the module")
	flag.Parse()
	root, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		log.Fatal("run it at the root of the repository: ", err)
	}
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		log.Fatal(err)
	}
	text := strings.Replace(string(mod), "module github.com/mpgo-dev/mpgo\n", "module batch\n", 1) +
		"require github.com/mpgo-dev/mpgo v0.0.0\nreplace github.com/mpgo-dev/mpgo => " + root + "\n"
	files := map[string][]byte{"go.mod": []byte(text), "go.sum": sum}
	packages, refused, failed := 0, 0, 0
	for s := *seed; packages < *n; s++ {
		ok, err := onePackage(files, s)
		switch {
		case err != nil:
			log.Printf("seed %d: %v", s, err)
			if failed++; failed > *n {
				log.Fatal("too many failures")
			}
		case !ok:
			refused++
		default:
			packages++
		}
	}
	files["random_test.go"] = suite(files)
	for name, content := range files {
		name = filepath.Join(*out, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o666); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("%d packages, %d schemas refused, %d failed\n", packages, refused, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// suite is one test of all packages: one program to link.
func suite(files map[string][]byte) []byte {
	var imports, runs []string
	for name := range files {
		if pkg, ok := strings.CutSuffix(name, "/check.go"); ok {
			imports = append(imports, fmt.Sprintf("%q\n", "batch/"+pkg))
			runs = append(runs, fmt.Sprintf("t.Run(%q, %s.CheckRandom_)\n", pkg, pkg))
		}
	}
	slices.Sort(imports)
	slices.Sort(runs)
	return fmt.Appendf(nil, "package batch\n\nimport (\n\"testing\"\n\n%s)\n\nfunc Test(t *testing.T) {\n%s}\n",
		strings.Join(imports, ""), strings.Join(runs, ""))
}

// onePackage makes the package of a seed. It is false if the schema is one that
// no compiler takes.
func onePackage(files map[string][]byte, seed uint64) (bool, error) {
	o := randomschema.Options{Files: 1 + int(seed%3), Size: 4 + int(seed%9), Harness: true}
	outputs, request, s, err := generate(seed, o)
	if outputs == nil || err != nil {
		if s != nil {
			for _, name := range s.Names {
				files[fmt.Sprintf("failed%d/%s", seed, name)] = []byte(s.Files[name])
			}
		}
		return false, err
	}
	// In another order it must be the same.
	o.Shuffled = true
	again, _, shuffled, err := generate(seed, o)
	if err != nil || again == nil {
		return false, fmt.Errorf("in another order: %v", err)
	}
	for i := range outputs {
		if !bytes.Equal(outputs[i].Content, again[i].Content) {
			for k, version := range []*randomschema.Schema{s, shuffled} {
				for j, name := range version.Names {
					dir := fmt.Sprintf("failed%d/%d/", seed, k)
					files[dir+name] = []byte(version.Files[name])
					files[dir+name+".go"] = [][]gogen.Output{outputs, again}[k][j].Content
				}
			}
			return false, fmt.Errorf("%s: another order of declarations gives other code", outputs[i].Schema)
		}
	}
	pkg := fmt.Sprintf("s%d", seed)
	for _, name := range s.Names {
		files[pkg+"/"+name] = []byte(s.Files[name])
	}
	files[pkg+"/schema.request"] = request
	h := &harness{pkg: pkg}
	for _, out := range outputs {
		files[pkg+"/"+strings.TrimSuffix(out.Schema, ".capnp")+".mp.go"] = out.Content
		if err := h.read(out.Content); err != nil {
			return false, err
		}
	}
	test, err := format.Source(h.write())
	if err != nil {
		return false, fmt.Errorf("%v\n%s", err, h.write())
	}
	files[pkg+"/check.go"] = test
	return true, nil
}

func generate(seed uint64, o randomschema.Options) ([]gogen.Output, []byte, *randomschema.Schema, error) {
	s := randomschema.New(rand.New(rand.NewPCG(seed, 0)), o)
	res, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS(s.Files)}, s.Names...)
	if len(diags) > 0 {
		if strings.Contains(diags[0].Message, "laid out wrongly by Cap'n Proto 0.5") {
			return nil, nil, nil, nil
		}
		return nil, nil, s, diags.Err()
	}
	m, err := model.New(res.Request, func(string, uint32, uint32, ...model.Member) (int, int) { return 1, 1 })
	if err != nil {
		return nil, nil, s, err
	}
	pkg := fmt.Sprintf("s%d", seed)
	outputs, err := gogen.Generate(m, gogen.Options{Package: func(f *model.File) (gogen.Package, error) {
		return gogen.Package{ImportPath: "batch/" + pkg, Name: pkg}, nil
	}})
	if err != nil {
		return nil, nil, s, err
	}
	request, err := res.Request.Message().Marshal()
	return outputs, request, s, err
}

// A harness is the test of a package.
type harness struct {
	pkg     string
	structs []string // lines of the test's table
	objects []string // Go types of interfaces and functions, without type parameters
	generic map[string]bool
	uses    map[string]bool // instances of generic ones
	impls   bytes.Buffer
	served  bool
}

var isStruct = regexp.MustCompile(`^(\w+) is the struct ([\w.]+) of (\S+)\.\n`)

var isUnimplemented = regexp.MustCompile(`^\w+\s+fails\s+with\s+mprt\.ErrUnimplemented\.\n$`)

// read takes what a generated file declares.
func (h *harness) read(content []byte) error {
	if h.generic == nil {
		h.generic, h.uses = map[string]bool{}, map[string]bool{}
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	show := func(n ast.Node) string {
		var b bytes.Buffer
		if err := printer.Fprint(&b, fset, n); err != nil {
			panic(err)
		}
		return b.String()
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				spec, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				var params []string
				decl, use := "", ""
				if spec.TypeParams != nil {
					for _, f := range spec.TypeParams.List {
						for _, n := range f.Names {
							params = append(params, n.Name)
						}
					}
					decl, use = "["+strings.Join(params, ", ")+" any]", "["+strings.Join(params, ", ")+"]"
				}
				h.instances(spec.Type, params, show)
				name := spec.Name.Name
				switch t := spec.Type.(type) {
				case *ast.StructType:
					if m := isStruct.FindStringSubmatch(d.Doc.Text()); m != nil && params == nil {
						h.structs = append(h.structs, fmt.Sprintf("%q: func() mprt.Struct { return new(%s) },", m[3]+":"+m[2], name))
					}
				case *ast.FuncType:
					h.add(name, params)
					fmt.Fprintf(&h.impls, "func echo_%s%s(h *randomcheck.Handler) %s%s {\nreturn %s }\n", name, decl, name, use, body(name, t, show, "func"))
				case *ast.InterfaceType:
					h.add(name, params)
					h.served = h.served || name == "RandomHarness"
					fmt.Fprintf(&h.impls, "type impl_%s%s struct{ h *randomcheck.Handler }\n", name, decl)
					fmt.Fprintf(&h.impls, "func echo_%s%s(h *randomcheck.Handler) %s%s { return impl_%s%s{h} }\n", name, decl, name, use, name, use)
				}
			}
		case *ast.FuncDecl:
			h.instances(d.Type, receiverParams(d), show)
			if d.Recv == nil {
				continue
			}
			// The unimplemented type has every method of its interface.
			recv := show(d.Recv.List[0].Type)
			name, ok := strings.CutPrefix(recv, "Unimplemented")
			if !ok || !isUnimplemented.MatchString(d.Doc.Text()) {
				continue
			}
			name, _, _ = strings.Cut(name, "[")
			name = strings.TrimRight(name, "_")
			fmt.Fprintf(&h.impls, "func (impl impl_%s%s) %s\n", name, recv[strings.IndexByte(recv+"[", '['):], body(d.Name.Name, d.Type, show, d.Name.Name, "impl."))
		}
	}
	return nil
}

func receiverParams(d *ast.FuncDecl) (params []string) {
	if d.Type.TypeParams != nil {
		for _, f := range d.Type.TypeParams.List {
			for _, n := range f.Names {
				params = append(params, n.Name)
			}
		}
	}
	if d.Recv == nil {
		return params
	}
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			params = append(params, id.Name)
		}
		return true
	})
	return params
}

func (h *harness) add(name string, params []string) {
	if params == nil {
		h.objects = append(h.objects, name)
	} else {
		h.generic[name] = true
	}
}

// instances finds the instances of generic types in a declaration that do not
// depend on its own type parameters.
func (h *harness) instances(n ast.Node, params []string, show func(ast.Node) string) {
	ast.Inspect(n, func(n ast.Node) bool {
		var base ast.Expr
		switch n := n.(type) {
		case *ast.IndexExpr:
			base = n.X
		case *ast.IndexListExpr:
			base = n.X
		default:
			return true
		}
		depends := false
		ast.Inspect(n, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && slices.Contains(params, id.Name) {
				depends = true
			}
			return true
		})
		if id, ok := base.(*ast.Ident); ok && !depends {
			h.uses[id.Name+strings.TrimPrefix(show(n), id.Name)] = true
		}
		return true
	})
}

// body is a function that does what a handler says.
func body(name string, t *ast.FuncType, show func(ast.Node) string, head string, object ...string) string {
	var in, args, out, results []string
	n := 0
	for _, f := range t.Params.List {
		for range max(1, len(f.Names)) {
			in = append(in, fmt.Sprintf("a%d %s", n, show(f.Type)))
			if n > 0 {
				args = append(args, fmt.Sprintf("&a%d", n))
			}
			n++
		}
	}
	n = 0
	for _, f := range t.Results.List {
		for range max(1, len(f.Names)) {
			if typ := show(f.Type); typ != "error" {
				out = append(out, fmt.Sprintf("r%d %s", n, typ))
				results = append(results, fmt.Sprintf("&r%d", n))
				n++
			}
		}
	}
	return fmt.Sprintf("%s(%s) (%s) {\nerr = %sh.Call(%q, []any{%s}, []any{%s})\nreturn\n}", head, strings.Join(in, ", "),
		strings.Join(append(out, "err error"), ", "), strings.Join(object, ""), name, strings.Join(args, ", "), strings.Join(results, ", "))
}

func (h *harness) write() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package %s\n\nimport (\n_ \"embed\"\n\"context\"\n\"reflect\"\n\"testing\"\n\n"+
		"\"github.com/mpgo-dev/mpgo/pkg/mprt\"\n\"github.com/mpgo-dev/mpgo/test/randomcheck\"\n)\n\n", h.pkg)
	b.WriteString("//go:embed schema.request\nvar request_ []byte\n\nvar _ context.Context\n\n")
	b.WriteString("func CheckRandom_(t *testing.T) {\nrandomcheck.Run(t, randomcheck.Package{\nRequest: request_,\n")
	fmt.Fprintf(&b, "Structs: map[string]func() mprt.Struct{\n%s\n},\n", strings.Join(h.structs, "\n"))
	b.WriteString("Objects: map[reflect.Type]func(*randomcheck.Handler) any{\n")
	for _, name := range h.objects {
		fmt.Fprintf(&b, "reflect.TypeFor[%s](): func(h *randomcheck.Handler) any { return echo_%s(h) },\n", name, name)
	}
	for use := range h.uses {
		if base, _, _ := strings.Cut(use, "["); h.generic[base] {
			fmt.Fprintf(&b, "reflect.TypeFor[%s](): func(h *randomcheck.Handler) any { return echo_%s(h) },\n", use, use)
		}
	}
	b.WriteString("},\n")
	if h.served {
		b.WriteString("Serve: func(h *randomcheck.Handler) *mprt.Server { return NewRandomHarnessServer(echo_RandomHarness(h)) },\n" +
			"Client: func(c mprt.Capability) any { return NewRandomHarnessClient(c) },\n")
	}
	b.WriteString("}, 20)\n}\n\n")
	b.Write(h.impls.Bytes())
	return b.Bytes()
}
