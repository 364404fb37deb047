package gazelle

import (
	"os"
	"path"
	"sort"
	"strconv"
	"strings"
)

// scanImports returns the absolute names of the schemas that a schema imports. Gazelle never calls the compiler, so that a
// schema with an error in it does not stop it; all that is needed is to tell the word import from comments and strings.
func scanImports(file, importName string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
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
			if word == "import" {
				if name, err := strconv.Unquote(string(text[i:end])); err == nil {
					found[absolute(name, importName)] = true
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
		default:
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				word = ""
			}
			i++
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	return names, nil
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
