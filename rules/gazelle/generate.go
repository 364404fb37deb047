package gazelle

import (
	"go/parser"
	"go/token"
	"log"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/bazelbuild/bazel-gazelle/config"
	"github.com/bazelbuild/bazel-gazelle/language"
	golang "github.com/bazelbuild/bazel-gazelle/language/go"
	"github.com/bazelbuild/bazel-gazelle/rule"
)

// importsAttr holds, until Resolve, the names of the schemas that a target has: rules index them.
const importsAttr = "_capnp_import_names"

// group is what becomes one capnp_library and one mp_go_library.
type group struct {
	name       string
	files      []string
	importPath string
}

// GenerateRules writes the targets for the schemas of one folder. An mp_go_library that lists schemas in its own srcs is
// kept that way, and its schemas get no capnp_library.
func (*extension) GenerateRules(args language.GenerateArgs) language.GenerateResult {
	s := settingsOf(args.Config)
	if s.generate == generateOff {
		return language.GenerateResult{}
	}
	var result language.GenerateResult
	add := func(r *rule.Rule, files []string) {
		var names []string
		refs := newReferences()
		scan := func(file string) {
			// What a rule makes is not there to be read.
			if err := refs.scan(filepath.Join(args.Dir, file), s.importName(args.Rel, file)); err != nil && !contains(args.GenFiles, file) {
				log.Printf("%s: %v", args.Rel, err)
			}
		}
		for _, file := range files {
			names = append(names, s.importName(args.Rel, file))
			scan(file)
		}
		for _, file := range bindings(args, r) {
			scan(file)
		}
		r.SetPrivateAttr(importsAttr, names)
		result.Gen = append(result.Gen, r)
		result.Imports = append(result.Imports, refs)
	}

	available := map[string]bool{}
	for _, file := range append(append([]string{}, args.RegularFiles...), args.GenFiles...) {
		if strings.HasSuffix(file, ".capnp") && !strings.Contains(file, "/") {
			available[file] = true
		}
	}
	names := map[string]bool{}
	written := handWritten(args)
	for i, files := range divide(args, s, written, available) {
		if len(files) == 0 {
			continue
		}
		r := rule.NewRule(mpGoLibrary, written[i].Name())
		r.SetAttr("srcs", files)
		names[r.Name()] = true
		add(r, files)
	}

	for _, g := range groups(args, s, sortedKeys(available)) {
		library := rule.NewRule(capnpLibrary, strings.ReplaceAll(s.libraryName, "{name}", g.name))
		library.SetAttr("srcs", g.files)
		if prefix := s.stripPrefix(args.Rel); prefix != "" {
			library.SetAttr("strip_import_prefix", prefix)
		}
		setVisibility(args, library)
		add(library, g.files)

		code := rule.NewRule(mpGoLibrary, strings.ReplaceAll(s.goName, "{name}", g.name))
		code.SetAttr("schemas", []string{":" + library.Name()})
		if g.importPath != "" {
			code.SetAttr("importpath", g.importPath)
		}
		setVisibility(args, code)
		add(code, g.files)
		names[library.Name()], names[code.Name()] = true, true
	}

	embedInto(args, result.Gen)
	warnOfKept(args, result.Gen)

	// Targets whose schemas are gone go too. What has only schemas of other packages was written by hand for good reason.
	if args.File != nil {
		for _, r := range args.File.Rules {
			if names[r.Name()] {
				continue
			}
			switch kindOf(args.Config, r) {
			case capnpLibrary:
				if allLocal(r.AttrStrings("srcs")) {
					result.Empty = append(result.Empty, rule.NewRule(capnpLibrary, r.Name()))
				}
			case mpGoLibrary:
				if allLocal(append(r.AttrStrings("srcs"), r.AttrStrings("schemas")...)) {
					result.Empty = append(result.Empty, rule.NewRule(mpGoLibrary, r.Name()))
				}
			}
		}
	}
	return result
}

// divide says which of a folder's schemas each mp_go_library with srcs of its own has, and takes them out of available: those that
// it lists and that are there, and new ones that can only be meant for it.
func divide(args language.GenerateArgs, s settings, written []*rule.Rule, available map[string]bool) [][]string {
	all := make([][]string, len(written))
	var bereft []int
	for i, r := range written {
		for _, src := range r.AttrStrings("srcs") {
			if file := strings.TrimPrefix(src, ":"); available[file] {
				delete(available, file)
				all[i] = append(all[i], file)
			}
		}
		if len(all[i]) == 0 && allLocal(r.AttrStrings("srcs")) {
			bereft = append(bereft, i)
		}
	}
	take := func(i int) {
		all[i] = append(all[i], sortedKeys(available)...)
		sort.Strings(all[i])
		clear(available)
	}
	if s.generate == generatePackage {
		// The folder is one Go package, and has this target already.
		importPath := golang.InferImportPath(args.Config, args.Rel)
		for i, r := range written {
			if r.AttrString("importpath") == importPath {
				take(i)
				break
			}
		}
	}
	// One target has lost its schemas and there are new ones: they were renamed.
	if len(bereft) == 1 && (s.generate == generatePackage || len(available) == 1) {
		take(bereft[0])
	}
	return all
}

// bindings returns the files with bindings of a folder that a target has, by hand.
func bindings(args language.GenerateArgs, r *rule.Rule) []string {
	if args.File == nil || r.Kind() != mpGoLibrary {
		return nil
	}
	var files []string
	for _, old := range args.File.Rules {
		if kindOf(args.Config, old) != mpGoLibrary || old.Name() != r.Name() && old.AttrString("importpath") != r.AttrString("importpath") {
			continue
		}
		for _, l := range old.AttrStrings("bindings") {
			// Of a Go file only its tags matter, which name no packages.
			if file := strings.TrimPrefix(l, ":"); !strings.HasSuffix(file, ".go") && (contains(args.RegularFiles, file) || contains(args.GenFiles, file)) {
				files = append(files, file)
			}
		}
	}
	return files
}

// setVisibility does it as the Go extension does.
func setVisibility(args language.GenerateArgs, r *rule.Rule) {
	if args.File == nil || !args.File.HasDefaultVisibility() {
		r.SetAttr("visibility", []string{rule.CheckInternalVisibility(args.Rel, "//visibility:public")})
	}
}

// embedInto makes Go code written by hand, and tests inside the package, one package with the code generated in the same folder. The
// Go extension, which ran before, cannot know of it.
func embedInto(args language.GenerateArgs, generated []*rule.Rule) {
	var code *rule.Rule
	for _, r := range generated {
		if r.Kind() != mpGoLibrary {
			continue
		}
		if code != nil {
			return
		}
		code = r
	}
	if code == nil {
		return
	}
	for _, r := range args.OtherGen {
		if r.Kind() == "go_binary" {
			return
		}
	}
	for _, r := range args.OtherGen {
		if r.Attr("embed") == nil && (r.Kind() == "go_library" || r.Kind() == "go_test" && inPackage(args.Dir, r.AttrStrings("srcs"))) {
			r.SetAttr("embed", []string{":" + code.Name()})
		}
	}
}

// warnOfKept tells of generated code in the tree that would be compiled a second time. The Go extension has put it into a library, and
// there is no way to take it out again.
func warnOfKept(args language.GenerateArgs, generated []*rule.Rule) {
	made := map[string]bool{}
	for _, r := range generated {
		if names, ok := r.PrivateAttr(importsAttr).([]string); ok && r.Kind() == mpGoLibrary {
			for _, name := range names {
				made[strings.TrimSuffix(path.Base(name), ".capnp")+".mp.go"] = true
			}
		}
	}
	for _, r := range args.OtherGen {
		for _, src := range r.AttrStrings("srcs") {
			if made[src] {
				log.Printf("%s: %s is generated by an mp_go_library too: keep it out of %s by # gazelle:exclude **/*.mp.go", args.Rel, src, r.Name())
			}
		}
	}
}

// inPackage reports whether one of the files of a test is of the package that it tests, and not of that package's _test.
func inPackage(dir string, files []string) bool {
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, file), nil, parser.PackageClauseOnly)
		if err == nil && !strings.HasSuffix(f.Name.Name, "_test") {
			return true
		}
	}
	return false
}

// kindOf is the kind of a rule in a BUILD file, of which # gazelle:map_kind and # gazelle:alias_kind may have made another.
func kindOf(c *config.Config, r *rule.Rule) string {
	for _, kind := range []string{capnpLibrary, mpGoLibrary} {
		if c.KindMap[kind].KindName == r.Kind() || c.AliasMap[r.Kind()] == kind {
			return kind
		}
	}
	return r.Kind()
}

// handWritten returns the mp_go_library targets with schemas of their own.
func handWritten(args language.GenerateArgs) []*rule.Rule {
	if args.File == nil {
		return nil
	}
	var rules []*rule.Rule
	for _, r := range args.File.Rules {
		if kindOf(args.Config, r) == mpGoLibrary && len(r.AttrStrings("srcs")) > 0 {
			rules = append(rules, r)
		}
	}
	return rules
}

func groups(args language.GenerateArgs, s settings, files []string) []group {
	if len(files) == 0 {
		return nil
	}
	importPath := golang.InferImportPath(args.Config, args.Rel)
	if importPath == "" {
		log.Printf("%s: the root of the repository has no import path for generated code: say it by # gazelle:prefix in its BUILD file", files[0])
	}
	if s.generate == generatePackage {
		name := path.Base(path.Join(args.Config.RepoName, importPath, args.Rel))
		if name == "." {
			name = "root"
		}
		return []group{{name: name, files: files, importPath: importPath}}
	}
	var all []group
	for _, file := range files {
		name := strings.TrimSuffix(file, ".capnp")
		all = append(all, group{name: name, files: []string{file}, importPath: path.Join(importPath, name)})
	}
	return all
}

func allLocal(labels []string) bool {
	for _, l := range labels {
		if strings.HasPrefix(l, "@") || strings.HasPrefix(l, "//") {
			return false
		}
	}
	return len(labels) > 0
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
