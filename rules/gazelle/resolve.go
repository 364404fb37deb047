package gazelle

import (
	"log"
	"path"
	"sort"
	"strings"

	"github.com/bazelbuild/bazel-gazelle/config"
	"github.com/bazelbuild/bazel-gazelle/label"
	golang "github.com/bazelbuild/bazel-gazelle/language/go"
	"github.com/bazelbuild/bazel-gazelle/repo"
	"github.com/bazelbuild/bazel-gazelle/resolve"
	"github.com/bazelbuild/bazel-gazelle/rule"
)

// The index holds three kinds of names: a schema's import name for the target that has the file, the same for the target that
// generates Go from it, and the Go import path of the latter.
const (
	schemaSpec   = "capnp"
	goSpec       = "capnp_go"
	goImportSpec = "capnp_go_importpath"
)

// Imports returns what a target can be found by.
func (*extension) Imports(c *config.Config, r *rule.Rule, f *rule.File) []resolve.ImportSpec {
	names, ok := r.PrivateAttr(importsAttr).([]string)
	if !ok {
		// A rule that was not generated in this run, say because Gazelle updates other folders only.
		names = importNames(c, r, f)
	}
	var specs []resolve.ImportSpec
	for _, name := range names {
		if r.Kind() == mpGoLibrary {
			specs = append(specs, resolve.ImportSpec{Lang: goSpec, Imp: name})
			if len(r.AttrStrings("srcs")) == 0 {
				continue
			}
		}
		specs = append(specs, resolve.ImportSpec{Lang: schemaSpec, Imp: name})
	}
	if importPath := r.AttrString("importpath"); r.Kind() == mpGoLibrary && importPath != "" {
		specs = append(specs, resolve.ImportSpec{Lang: goImportSpec, Imp: importPath})
	}
	return specs
}

// importNames reads the names of a target's schemas from its attributes.
func importNames(c *config.Config, r *rule.Rule, f *rule.File) []string {
	s := settingsOf(c)
	files := r.AttrStrings("srcs")
	for _, schema := range r.AttrStrings("schemas") {
		for _, other := range f.Rules {
			if schema == ":"+other.Name() {
				files = append(files, other.AttrStrings("srcs")...)
			}
		}
	}
	var names []string
	for _, file := range files {
		names = append(names, s.importName(f.Pkg, strings.TrimPrefix(file, ":")))
	}
	return names
}

// Resolve turns the imports of a target's schemas, and the Go packages that bindings name, into deps. Standard ones need none.
func (*extension) Resolve(c *config.Config, ix *resolve.RuleIndex, rc *repo.RemoteCache, r *rule.Rule, imports any, from label.Label) {
	deps := map[string]bool{}
	lang := schemaSpec
	if r.Kind() == mpGoLibrary {
		lang = goSpec
	}
	own, _ := r.PrivateAttr(importsAttr).([]string)
	refs, _ := imports.(references)
	for _, name := range sortedKeys(refs.schemas) {
		if contains(own, name) {
			continue
		}
		spec := resolve.ImportSpec{Lang: lang, Imp: name}
		if dep, ok := resolve.FindRuleWithOverride(c, spec, lang); ok {
			deps[dep.Rel(from.Repo, from.Pkg).String()] = true
			continue
		}
		found := nearest(ix.FindRulesByImportWithConfig(c, spec, languageName), settingsOf(c))
		switch {
		case len(found) == 1:
			if !found[0].IsSelfImport(from) {
				deps[found[0].Label.Rel(from.Repo, from.Pkg).String()] = true
			}
		case len(found) > 1:
			log.Printf("%s: import %q is in %s and in %s; say which by # gazelle:resolve %s %s LABEL", local(c, from), name,
				local(c, found[0].Label), local(c, found[1].Label), lang, name)
		case !isStandard(name):
			log.Printf("%s: no target has %s; add one, or say by # gazelle:resolve %s %s LABEL", local(c, from), name, lang, name)
		}
	}
	for _, importPath := range sortedKeys(refs.packages) {
		if lang != goSpec || golang.IsStandard(importPath) || importPath == r.AttrString("importpath") {
			continue
		}
		// An error says that the package is the target's own, or is not found; of that the Go compiler will say more.
		if dep, err := golang.ResolveGo(c, ix, rc, importPath, from); err == nil {
			deps[dep.Rel(from.Repo, from.Pkg).String()] = true
		}
	}
	if len(deps) == 0 {
		r.DelAttr("deps")
		return
	}
	list := make([]string, 0, len(deps))
	for dep := range deps {
		list = append(list, dep)
	}
	sort.Strings(list)
	r.SetAttr("deps", list)
}

// local returns a label as people of the repository write it.
func local(c *config.Config, l label.Label) label.Label {
	if l.Repo == c.RepoName {
		l.Repo = ""
	}
	return l
}

// nearest leaves, where several targets have a schema, those under the importing target's own import root: each copy of a set of
// schemas means itself.
func nearest(found []resolve.FindResult, s settings) []resolve.FindResult {
	if len(found) < 2 || s.importRoot == "" {
		return found
	}
	var near []resolve.FindResult
	for _, f := range found {
		if s.stripPrefix(f.Label.Pkg) != "" {
			near = append(near, f)
		}
	}
	if len(near) == 0 {
		return found
	}
	return near
}

// runtime is the folder of the packages that programs use besides generated ones.
const runtime = "github.com/mpgo-dev/mpgo/pkg/"

// CrossResolve tells the Go extension which target has a generated package, and that mpgo's own packages are in the repository where
// the rules are from: generated code uses those, and a program cannot have them twice.
func (*extension) CrossResolve(c *config.Config, ix *resolve.RuleIndex, imp resolve.ImportSpec, lang string) []resolve.FindResult {
	if lang != "go" || imp.Lang != "go" {
		return nil
	}
	if name, ok := strings.CutPrefix(imp.Imp, runtime); ok {
		return []resolve.FindResult{{Label: label.New(apparentName(c.ModuleToApparentName), "pkg/"+name, path.Base(name))}}
	}
	return ix.FindRulesByImport(resolve.ImportSpec{Lang: goImportSpec, Imp: imp.Imp}, languageName)
}
