package main

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// copyTree copies files of the repository to a folder, which becomes the root of a module.
func copyTree(t *testing.T, dir string, files ...string) {
	t.Helper()
	writeIn(t, dir, "go.mod", "module example.com/copy\n")
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		writeIn(t, dir, f, string(content))
	}
}

var answer = regexp.MustCompile(`^(.*):(\d+):(\d+): (interface|method|struct|field|enum|enumerant|const|group|union) (\S+)\n$`)

// whereIs asks for a place and returns the kind and the name that were found, and the schema's text from there.
func whereIs(t *testing.T, place, schema string) (kind, name, text string) {
	t.Helper()
	code, stdout, stderr := runCommand("where", place)
	if code != 0 {
		t.Errorf("%s: exit status %d: %s", place, code, stderr)
		return "", "", ""
	}
	m := answer.FindStringSubmatch(stdout)
	if m == nil || m[1] != schema {
		t.Errorf("%s: %q, expected something in %s", place, stdout, schema)
		return "", "", ""
	}
	content, err := os.ReadFile(schema)
	if err != nil {
		t.Fatal(err)
	}
	line, _ := strconv.Atoi(m[2])
	col, _ := strconv.Atoi(m[3])
	return m[4], m[5], strings.Join(strings.Split(string(content), "\n")[line-1:], "\n")[col-1:]
}

// TestWhere asks for everything that is declared in the generated code of this repository.
func TestWhere(t *testing.T) {
	atRoot(t)
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range inTree {
		for _, schema := range p.files {
			t.Run(strings.ReplaceAll(schema, "/", "_"), func(t *testing.T) {
				t.Chdir(root)
				generated := filepath.Join(p.dir, strings.TrimSuffix(filepath.Base(schema), ".capnp")+".mp.go")
				dir := t.TempDir()
				copyTree(t, dir, schema, generated)
				t.Chdir(dir)
				g, err := readGenerated(generated)
				if err != nil {
					t.Fatal(err)
				}
				asked := 0
				// check asks by name and by line, and expects a declaration with the right name: Go's, but for what a generator has to add
				// to keep it apart from others.
				check := func(n ast.Node, name, scope, own string) {
					t.Helper()
					asked++
					_, byName, text := whereIs(t, generated+":"+name, schema)
					_, byLine, _ := whereIs(t, fmt.Sprintf("%s:%d:1", generated, g.line(n.Pos())), schema)
					if byName != byLine {
						t.Errorf("%s is %s, but what is at its line %s", name, byName, byLine)
					}
					last := byName[strings.LastIndexByte(byName, '.')+1:]
					if !strings.HasPrefix(text, last) {
						t.Errorf("%s: %s is not at that place, but %.20q", name, last, text)
					}
					statement, _, _ := strings.Cut(text, ";")
					statement, _, _ = strings.Cut(statement, "{")
					if got := strings.TrimRight(own, "_"); got != upperFirst(last) && !strings.Contains(statement, fmt.Sprintf(".name(%q)", own)) {
						t.Errorf("%s comes from %s, it is said", name, byName)
					}
					if !strings.HasPrefix(byName, scope) {
						t.Errorf("%s is in %s, but found in %s", name, scope, byName)
					}
				}
				for _, d := range g.file.Decls {
					gen, ok := d.(*ast.GenDecl)
					if !ok {
						continue
					}
					for _, spec := range gen.Specs {
						typ, ok := spec.(*ast.TypeSpec)
						if !ok || g.types[typ.Name.Name] == "" {
							continue
						}
						name, _, fields := specName(spec)
						full := g.types[name]
						if _, found, _ := whereIs(t, generated+":"+name, schema); found != full {
							t.Errorf("%s comes from %s, and %s was found", name, full, found)
						}
						for _, f := range fields {
							if len(f.Names) == 0 || f.Names[0].Name == "Which" {
								continue // of another interface, or of Go only
							}
							check(f, name+"."+f.Names[0].Name, full+".", f.Names[0].Name)
						}
					}
				}
				if asked == 0 {
					t.Error("nothing to ask for")
				}
			})
		}
	}
}

// TestWhereHelpers asks for what stands around the types of a schema.
func TestWhereHelpers(t *testing.T) {
	atRoot(t)
	dir := t.TempDir()
	copyTree(t, dir, "example/calculator.capnp", "example/calculator/calculator.mp.go", "test/golden/everything/everything.capnp", "test/golden/everything/everything.mp.go")
	t.Chdir(dir)
	const calculator, everything = "example/calculator/calculator.mp.go:", "test/golden/everything/everything.mp.go:"
	for _, c := range []struct{ place, want string }{
		{calculator + "CalculatorInterfaceClient", "interface CalculatorInterface"},
		{calculator + "NewCalculatorInterfaceServer", "interface CalculatorInterface"},
		{calculator + "CalculatorInterfaceClient.SolveEquation", "method CalculatorInterface.solveEquation"},
		{calculator + "CalculatorInterfaceClient.StartSolveEquation", "method CalculatorInterface.solveEquation"},
		{calculator + "CalculatorInterface_SolveEquationCall.Wait", "method CalculatorInterface.solveEquation"},
		{calculator + "UnimplementedCalculatorInterface.SolveEquation", "method CalculatorInterface.solveEquation"},
		{calculator + "CalculatorInterface_ID", "interface CalculatorInterface"},
		{calculator + "CalculatorInterface_SolveEquation_ID", "method CalculatorInterface.solveEquation"},
		{calculator + "calculatorInterface_Destroy", "method CalculatorInterface.destroy"},
		{calculator + "serveCalculatorInterface_SolveEquation", "method CalculatorInterface.solveEquation"},
		{everything + "Color_Green", "enumerant Color.green"},
		{everything + "Bytes", "const bytes"},
		{everything + "Groups_Choice_Which_None", "field Groups.choice.none"},
		{everything + "Groups_Choice_Which", "union Groups.choice"},
		{everything + "Defaults.MarshalCapnp", "struct Defaults"},
		{everything + "NewDefaults", "struct Defaults"},
	} {
		schema := strings.Replace(strings.Replace(c.place[:strings.IndexByte(c.place, ':')], "calculator/", "", 1), ".mp.go", ".capnp", 1)
		if kind, name, _ := whereIs(t, c.place, schema); kind+" "+name != c.want {
			t.Errorf("%s: %s %s, expected %s", c.place, kind, name, c.want)
		}
	}
}

// TestWhereRenamed asks for what bindings give another name in Go.
func TestWhereRenamed(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "go.mod", "module example.com/m\n")
	write(t, "s.capnp", "@0xd1b7e2a4c5f60914;\ninterface Shop {\n  buy @0 () -> ();\n  sell @1 () -> ();\n}\n")
	write(t, "s.bindings", "using Go = import \"/mp/go.capnp\";\nusing S = import \"s.capnp\";\nbind S.Shop $Go.name(\"Store\");\nbind S.Shop.buy $Go.name(\"Acquire\");\n")
	if code, _, stderr := runCommand("generate", "--importpath=example.com/m", "--bindings=s.bindings", "s.capnp"); code != 0 {
		t.Fatal(stderr)
	}
	for place, want := range map[string]string{
		"s.mp.go:Store":               "s.capnp:2:11: interface Shop\n",
		"s.mp.go:Store.Acquire":       "s.capnp:3:3: method Shop.buy\n",
		"s.mp.go:StoreClient.Acquire": "s.capnp:3:3: method Shop.buy\n",
		"s.mp.go:Store.Sell":          "s.capnp:4:3: method Shop.sell\n",
	} {
		if code, stdout, stderr := runCommand("where", place); code != 0 || stdout != want {
			t.Errorf("%s: exit status %d: %s%s, expected %s", place, code, stdout, stderr, want)
		}
	}
}

// TestWhereInOutputs looks for the schemas of what Bazel has written, in a tree like Bazel's.
func TestWhereInOutputs(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	const bin = "base/execroot/_main/bazel-out/k8-fastbuild/bin/"
	write(t, "base/DO_NOT_BUILD_HERE", filepath.Join(dir, "work")+"\n")
	write(t, "work/MODULE.bazel", "")
	generated := func(name string) string {
		write(t, bin+name, "// Code generated by mpgen. DO NOT EDIT.\n// source: clock.capnp\n\npackage clock\n\n// Clock is the struct Clock of clock.capnp.\ntype Clock struct {\n\tNow int64\n}\n")
		return bin + name
	}
	// Two versions, of which one lacks what is asked for, one in another repository, one that a rule made, and one under another name.
	const old, clock = "@0xd1b7e2a4c5f60914;\nstruct Clock {}\n", "@0xd1b7e2a4c5f60914;\nstruct Clock {\n  now @0 :Int64;\n}\n"
	write(t, "work/times/v1/clock.capnp", old)
	write(t, "work/times/v2/clock.capnp", clock)
	write(t, "work/times/v3/clock.capnp", clock)
	write(t, "work/times/clock.capnp", "@0xd1b7e2a4c5f60914;\nstruct Watch {}\n")
	write(t, "base/external/other+/times/clock.capnp", clock)
	write(t, bin+"made/src/clock.capnp", clock)
	write(t, "work/far/schemas/clock.capnp", clock)
	if err := os.MkdirAll(bin+"named/_virtual_imports/clock_capnp/api", 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, "work/named/src/clock.capnp", clock)
	if err := os.Symlink(filepath.Join(dir, "work/named/src/clock.capnp"), bin+"named/_virtual_imports/clock_capnp/api/clock.capnp"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ generated, want string }{
		{"times/clockv2_go_/example.com/times/v2/clock/clock.mp.go", "work/times/v2/clock.capnp"},
		{"times/clockv3_go_/example.com/times/v3/clock/clock.mp.go", "work/times/v3/clock.capnp"},
		{"external/other+/times/clock_go_/example.com/other/clock/clock.mp.go", "base/external/other+/times/clock.capnp"},
		{"made/clock_go_/example.com/made/clock.mp.go", bin + "made/src/clock.capnp"},
		{"named/clock_go_/example.com/named/clock.mp.go", "work/named/src/clock.capnp"},
		{"far/clock_go_/example.com/far/clock.mp.go", "work/far/schemas/clock.capnp"},
	} {
		code, stdout, stderr := runCommand("where", generated(c.generated)+":8:2")
		if want := c.want + ":3:3: field Clock.now\n"; code != 0 || stdout != want {
			t.Errorf("%s: exit status %d: %s%s, expected %s", c.generated, code, stdout, stderr, want)
		}
	}

	// One that Bazel knows and has not written.
	const lost = bin + "far/lost_go_/example.com/far/lost.mp.go"
	write(t, lost, "// Code generated by mpgen. DO NOT EDIT.\n// source: lost.capnp\n\npackage lost\n\n// T is the struct T of lost.capnp.\ntype T struct{}\n")
	code, _, stderr := runCommand("where", lost+":T")
	if want := "if a rule makes it, bazel build that, else say where by -I DIR\n"; code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("exit status %d: %s, expected %s", code, stderr, want)
	}
}

func TestWhereErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "go.mod", "module example.com/m\n")
	write(t, "hand.go", "package hand\n")
	write(t, "gone.mp.go", "// Code generated by mpgen. DO NOT EDIT.\n// source: gone.capnp\n\npackage gone\n\n// T is the struct T of gone.capnp.\ntype T struct{}\n")
	write(t, "s.capnp", "@0xd1b7e2a4c5f60914;\nstruct T {}\n")
	write(t, "s.mp.go", "// Code generated by mpgen. DO NOT EDIT.\n// source: s.capnp\n\npackage s\n\n// T is the struct T of s.capnp.\ntype T struct{}\n\nfunc init() {}\n")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "mpgen where: no place given; mpgen where --help tells the usage\n"},
		{[]string{"s.mp.go"}, 1, "mpgen where: \"s.mp.go\" is not of the form file.mp.go:LINE or file.mp.go:NAME\n"},
		{[]string{"hand.go:1"}, 1, "mpgen where: hand.go: mpgen has not generated this file\n"},
		{[]string{"gone.mp.go:T"}, 1, "mpgen where: gone.mp.go: no gone.capnp was found near it that declares what it does; say where by -I DIR\n"},
		{[]string{"s.mp.go:1"}, 1, "mpgen where: s.mp.go:1: nothing there comes from a declaration of s.capnp\n"},
		{[]string{"s.mp.go:init"}, 1, "mpgen where: s.mp.go: init comes from no declaration of s.capnp\n"},
		{[]string{"s.mp.go:U"}, 1, "mpgen where: s.mp.go does not declare U\n"},
		{[]string{"s.mp.go:U", "s.mp.go:T"}, 1, "mpgen where: s.mp.go does not declare U\n"},
	} {
		if code, _, stderr := runCommand(append([]string{"where"}, c.args...)...); code != c.code || stderr != c.want {
			t.Errorf("%q: exit status %d: %s, expected %d: %s", c.args, code, stderr, c.code, c.want)
		}
	}

	// A folder that is named helps.
	elsewhere := t.TempDir()
	file := writeIn(t, elsewhere, "deep/gone.capnp", "@0xd1b7e2a4c5f60914;\nstruct T {}\n")
	if code, stdout, stderr := runCommand("where", "-I", elsewhere, "gone.mp.go:T"); code != 0 || stdout != file+":2:8: struct T\n" {
		t.Errorf("exit status %d: %s%s", code, stdout, stderr)
	}
}
