package gazelle

import (
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// references are what schemas and bindings name that other targets have.
type references struct {
	schemas  map[string]bool // absolute names
	packages map[string]bool // import paths of Go packages
}

func newReferences() references {
	return references{schemas: map[string]bool{}, packages: map[string]bool{}}
}

// goAnnotations are those of /mp/go.capnp that name Go types or functions.
var goAnnotations = map[string]bool{"type": true, "convert": true, "toGo": true, "fromGo": true, "codec": true, "wrap": true}

// goName finds the import paths in example.com/app/units.Celsius or map[string]*example.com/app.Pair[net/netip.Addr].
var goName = regexp.MustCompile(`([\w~-][\w.~/-]*)\.\w+`)

// scan adds what a schema, or a file of bindings, refers to. Gazelle never calls the compiler, so that a schema with an error in it does not
// stop it; all that is needed is to tell words from comments and strings.
func (r references) scan(file, importName string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	// The last word, if only spaces follow it, or the parenthesis of an annotation's value.
	word := ""
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '"':
			end := i + 1
			for end < len(text) && text[end] != '"' && text[end] != '\n' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			if value, err := strconv.Unquote(string(text[i:end])); err == nil {
				if word == "import" {
					r.schemas[absolute(value, importName)] = true
				} else if name, ok := strings.CutSuffix(word, "("); ok && goAnnotations[name] {
					for _, m := range goName.FindAllStringSubmatch(value, -1) {
						r.packages[m[1]] = true
					}
				}
			}
			word = ""
			i = end
		case isLetter(c):
			start := i
			for i < len(text) && isLetter(text[i]) {
				i++
			}
			word = string(text[start:i])
		case c == '(' && word != "":
			word += "("
			i++
		default:
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				word = ""
			}
			i++
		}
	}
	return nil
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// absolute resolves an import against the name of the importing file.
func absolute(name, importName string) string {
	if strings.HasPrefix(name, "/") {
		return path.Clean(name)
	}
	return path.Join(path.Dir(importName), name)
}

// isStandard reports whether mpgen itself has the file of that name.
func isStandard(importName string) bool {
	return strings.HasPrefix(importName, "/capnp/") || strings.HasPrefix(importName, "/mp/") || importName == "/go.capnp"
}
