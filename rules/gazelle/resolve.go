package gazelle

import (
	"log"
	"path"
	"sort"
	"strings"

	"github.com/bazelbuild/bazel-gazelle/config"
	"github.com/bazelbuild/bazel-gazelle/label"
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

// Resolve turns the imports of a target's schemas into deps. Standard imports need none.
func (*extension) Resolve(c *config.Config, ix *resolve.RuleIndex, _ *repo.RemoteCache, r *rule.Rule, imports any, from label.Label) {
	deps := map[string]bool{}
	lang := schemaSpec
	if r.Kind() == mpGoLibrary {
		lang = goSpec
	}
	own, _ := r.PrivateAttr(importsAttr).([]string)
	names, _ := imports.([]string)
	for _, name := range names {
		if contains(own, name) {
			continue
		}
		spec := resolve.ImportSpec{Lang: lang, Imp: name}
		if dep, ok := resolve.FindRuleWithOverride(c, spec, lang); ok {
			deps[dep.Rel(from.Repo, from.Pkg).String()] = true
			continue
		}
		found := ix.FindRulesByImportWithConfig(c, spec, languageName)
		switch {
		case len(found) == 1:
			if !found[0].IsSelfImport(from) {
				deps[found[0].Label.Rel(from.Repo, from.Pkg).String()] = true
			}
		case len(found) > 1:
			log.Printf("%s: import %q is in %s and in %s; say which by # gazelle:resolve %s %s LABEL", from, name,
				found[0].Label, found[1].Label, lang, name)
		case !isStandard(name):
			log.Printf("%s: no target has %s; add one, or say by # gazelle:resolve %s %s LABEL", from, path.Base(name), lang, name)
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

// CrossResolve tells the Go extension which target has a generated package.
func (*extension) CrossResolve(_ *config.Config, ix *resolve.RuleIndex, imp resolve.ImportSpec, lang string) []resolve.FindResult {
	if lang != "go" || imp.Lang != "go" {
		return nil
	}
	return ix.FindRulesByImport(resolve.ImportSpec{Lang: goImportSpec, Imp: imp.Imp}, languageName)
}
