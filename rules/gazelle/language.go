// Package gazelle is a Gazelle extension that writes capnp_library and mp_go_library targets for the .capnp files of a
// repository, and resolves Go imports of the packages generated from them.
//
//	gazelle_binary(
//	    name = "gazelle_binary",
//	    languages = DEFAULT_LANGUAGES + ["@mpgo//rules/gazelle"],
//	)
//
// docs/gazelle.md describes its directives.
package gazelle

import (
	"github.com/bazelbuild/bazel-gazelle/language"
	"github.com/bazelbuild/bazel-gazelle/rule"
)

const (
	languageName = "capnp"

	capnpLibrary = "capnp_library"
	mpGoLibrary  = "mp_go_library"
)

type extension struct {
	language.BaseLang
}

// NewLanguage is what gazelle_binary calls.
func NewLanguage() language.Language {
	return &extension{}
}

// Name returns the name of the extension. `# gazelle:resolve capnp NAME LABEL` says which target has a schema, and `# gazelle:resolve
// capnp_go NAME LABEL` which one generates Go from it.
func (*extension) Name() string { return languageName }

// Kinds returns the rules that the extension writes.
func (*extension) Kinds() map[string]rule.KindInfo {
	return map[string]rule.KindInfo{
		capnpLibrary: {
			MatchAttrs:     []string{"srcs"},
			NonEmptyAttrs:  map[string]bool{"srcs": true},
			MergeableAttrs: map[string]bool{"srcs": true, "strip_import_prefix": true},
			ResolveAttrs:   map[string]bool{"deps": true},
		},
		mpGoLibrary: {
			MatchAttrs:     []string{"importpath"},
			NonEmptyAttrs:  map[string]bool{"schemas": true, "srcs": true},
			MergeableAttrs: map[string]bool{"schemas": true, "srcs": true},
			ResolveAttrs:   map[string]bool{"deps": true},
		},
	}
}

// ApparentLoads returns where the rules come from, under the name that the repository gave to the module mpgo.
func (*extension) ApparentLoads(moduleToApparentName func(string) string) []rule.LoadInfo {
	return loads(apparentName(moduleToApparentName))
}

// apparentName returns the name that a repository has given to the module mpgo.
func apparentName(moduleToApparentName func(string) string) string {
	if name := moduleToApparentName("mpgo"); name != "" {
		return name
	}
	return "mpgo"
}

// Loads is the same for a repository without MODULE.bazel.
func (*extension) Loads() []rule.LoadInfo {
	return loads("mpgo")
}

func loads(repository string) []rule.LoadInfo {
	return []rule.LoadInfo{{
		Name:    "@" + repository + "//rules:def.bzl",
		Symbols: []string{capnpLibrary, mpGoLibrary},
	}}
}
