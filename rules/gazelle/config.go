package gazelle

import (
	"log"
	"path"
	"strings"

	"github.com/bazelbuild/bazel-gazelle/config"
	"github.com/bazelbuild/bazel-gazelle/rule"
)

// The directives. Each holds for the folder it stands in and all below.
const (
	// directiveGenerate says what becomes one target: the schemas of a "package" (folder), each "file", or nothing ("off").
	directiveGenerate = "capnp_generate"
	// directiveImportRoot names the folder, relative to the repository, against which absolute imports resolve.
	directiveImportRoot = "capnp_import_root"
	// directiveLibraryName and directiveGoName are patterns for names of targets; {name} is the folder's or the file's.
	directiveLibraryName = "capnp_library_name"
	directiveGoName      = "capnp_go_name"
)

const (
	generatePackage = "package"
	generateFile    = "file"
	generateOff     = "off"
)

type settings struct {
	generate    string
	importRoot  string
	libraryName string
	goName      string
}

func settingsOf(c *config.Config) settings {
	if s, ok := c.Exts[languageName].(settings); ok {
		return s
	}
	return settings{
		generate:    generatePackage,
		libraryName: "{name}_capnp",
		goName:      "{name}_go",
	}
}

// KnownDirectives returns the directives that Configure understands.
func (*extension) KnownDirectives() []string {
	return []string{directiveGenerate, directiveImportRoot, directiveLibraryName, directiveGoName}
}

// Configure reads a folder's directives; what they leave unsaid is the parent folder's.
func (*extension) Configure(c *config.Config, rel string, f *rule.File) {
	s := settingsOf(c)
	if path.Base(rel) == "testdata" {
		// For go as well, such a folder has no packages; and were it one of Bazel's, the glob by which a go_test has it would find nothing.
		s.generate = generateOff
	}
	if f != nil {
		for _, d := range f.Directives {
			value := strings.TrimSpace(d.Value)
			switch d.Key {
			case directiveGenerate:
				switch value {
				case generatePackage, generateFile, generateOff:
					s.generate = value
				default:
					log.Printf("%s: # gazelle:%s takes %s, %s or %s, not %q", f.Path, d.Key, generatePackage, generateFile, generateOff, value)
				}
			case directiveImportRoot:
				s.importRoot = strings.Trim(path.Clean("/"+value), "/")
			case directiveLibraryName, directiveGoName:
				if !strings.Contains(value, "{name}") {
					log.Printf("%s: # gazelle:%s needs a pattern with {name}, not %q", f.Path, d.Key, value)
				} else if d.Key == directiveLibraryName {
					s.libraryName = value
				} else {
					s.goName = value
				}
			}
		}
	}
	c.Exts[languageName] = s
}

// importName returns the name by which a schema is imported, given its folder and base name.
func (s settings) importName(rel, base string) string {
	name := path.Join(rel, base)
	if s.importRoot != "" {
		name = strings.TrimPrefix(name, s.importRoot+"/")
	}
	return "/" + name
}

// stripPrefix returns the capnp_library's strip_import_prefix for schemas in a folder, or "".
func (s settings) stripPrefix(rel string) string {
	if s.importRoot != "" && (rel == s.importRoot || strings.HasPrefix(rel, s.importRoot+"/")) {
		return "/" + s.importRoot
	}
	return ""
}
