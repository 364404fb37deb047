package gogen

import (
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// names hands out names, each once.
type names map[string]bool

// take returns name, or name with as many suffixes as it needs to be free.
func (n names) take(name, suffix string) string {
	for n[name] {
		name += suffix
	}
	n[name] = true
	return name
}

var keywords = set("break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for", "func",
	"go", "goto", "if", "import", "interface", "map", "package", "range", "return", "select", "struct", "switch", "type", "var")

// predeclared are the names of Go's own that generated code may use, so that
// nothing else can have them.
var predeclared = set("any", "bool", "byte", "comparable", "error", "false", "float32", "float64", "int", "int16", "int32",
	"int64", "int8", "len", "make", "new", "nil", "panic", "rune", "string", "true", "uint", "uint16", "uint32", "uint64",
	"uint8", "uintptr", "_")

func set(list ...string) names {
	m := names{}
	for _, n := range list {
		m[n] = true
	}
	return m
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// PackageName is the name that a package of an import path has by custom: the
// last element, without a major version, cut to what an identifier may have.
func PackageName(importPath string) string {
	base := path.Base(importPath)
	if majorVersion.MatchString(base) && strings.Contains(importPath, "/") {
		base = path.Base(path.Dir(importPath))
	}
	if i := strings.LastIndex(base, ".v"); i > 0 {
		base = base[:i]
	}
	var b strings.Builder
	for _, r := range base {
		switch {
		case unicode.IsLetter(r) || r == '_' || unicode.IsDigit(r) && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0:
			b.WriteByte('_')
		}
	}
	name := strings.Trim(b.String(), "_")
	if name == "" || keywords[name] || name == "init" || name == "main" {
		name += "pkg" // none of these can be imported
	}
	return name
}

func upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

func lower(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}

// goName is the Go name of a declaration. Names of nested declarations have
// their scopes before them, joined by underscores, which names in a schema
// cannot have: so a name never depends on what else a file declares, and an
// importing file comes to the same.
func goName(d *model.Decl) string {
	var parts []string
	for _, s := range d.Scope {
		parts = append(parts, upper(s))
	}
	own := upper(d.Name)
	if d.Go.Name != "" {
		own = d.Go.Name
	}
	return strings.Join(append(parts, own), "_")
}

// groupName is the name of a group's type. Unlike other types' it may be the
// name of a type declared beside it.
func groupName(d *model.Decl) string {
	return avoid(d, goName(d))
}

// aux is the name of something generated beside a declaration, made different
// from the names that the schema declares there and from their constructors.
func aux(d *model.Decl, prefix, suffix string) string {
	name := prefix + goName(d) + suffix
	for _, s := range d.Siblings {
		// NewXClient makes an XClient, but may also be the client of NewX.
		if rest, ok := strings.CutPrefix(name, scopeOf(d)+upper(s)); ok && prefix != "" && (rest == "Client" || rest == "Proxy" || rest == "Codec") {
			name += "_"
		}
	}
	return avoid(d, name)
}

func avoid(d *model.Decl, name string) string {
	scope := scopeOf(d)
	own := scope + upper(d.Name) + "_"
	for again := true; again; {
		again = false
		for _, s := range d.Siblings {
			if s == d.Name {
				continue
			}
			constructor := "New" + scope + upper(s)
			if name == scope+upper(s) || strings.HasPrefix(name, constructor) && name == avoidSiblings(d, constructor) {
				name, again = name+"_", true
			}
		}
		for _, s := range d.Nested {
			if name == own+upper(s) {
				name, again = name+"_", true
			}
		}
	}
	return name
}

// constName is the Go name of a constant. It may be that of a type declared
// beside it; a type's constructor gives way to it.
func constName(d *model.Decl) string { return avoidSiblings(d, goName(d)) }

// avoidSiblings makes a name different from those declared beside d.
func avoidSiblings(d *model.Decl, name string) string {
	scope := scopeOf(d)
	for again := true; again; {
		again = false
		for _, s := range d.Siblings {
			if s != d.Name && name == scope+upper(s) {
				name, again = name+"_", true
			}
		}
	}
	return name
}

func scopeOf(d *model.Decl) string {
	scope := ""
	for _, s := range d.Scope {
		scope += upper(s) + "_"
	}
	return scope
}

// private is the unexported name of something for a member of a declaration.
// The underscore tells WalletLoader.create and Wallet.loaderCreate apart.
func private(prefix string, d *model.Decl, member string) string {
	if prefix == "" {
		return lower(goName(d)) + "_" + member
	}
	return prefix + goName(d) + "_" + member
}

// codecMember is the name of a field of a struct's codec for the codec of a type
// parameter.
func codecMember(param string) string {
	switch param {
	case "Size", "Marshal", "Unmarshal":
		return param + "_" // the codec has methods of these names
	}
	return param
}

// codecField is the name of a proxy client's field for the codec of a type
// parameter, and codecParam that of an argument.
func codecField(param string) string {
	if name := lower(param); !keywords[name] {
		return name
	}
	return codecParam(param)
}

func codecParam(param string) string { return lower(param) + "Codec" }

// fieldNames are the Go names of a struct's fields.
func fieldNames(s *model.Struct) map[*model.Field]string {
	taken := names{}
	for _, m := range []string{"CapnpSize", "MarshalCapnp", "UnmarshalCapnp", "String", "LogValue"} {
		taken[m] = true
	}
	if s.Exception {
		taken["Error"] = true
	}
	if s.Union != nil {
		taken["Which"] = true
	}
	out := map[*model.Field]string{}
	for _, f := range s.Fields {
		if f.Go.Name != "" {
			out[f] = f.Go.Name
			taken[f.Go.Name] = true
		}
	}
	for _, f := range s.Fields {
		if f.Go.Name == "" {
			out[f] = taken.take(upper(f.Name), "_")
		}
	}
	return out
}

// inheritedNames are the names that an interface's own methods cannot have.
func inheritedNames(i *model.Interface) names {
	// What every proxy client has already.
	taken := names{"Client": true, "Close": true, "Capability": true, "CloseContext": true, "Begin": true, "Context": true}
	for _, t := range i.Extends {
		for n := range inheritedNames(t.Interface) {
			taken[n] = true
		}
		own := methodNames(t.Interface)
		for _, n := range own {
			taken[n] = true
		}
		for _, m := range t.Interface.Methods {
			if n, ok := own[m]; ok {
				taken["Start"+n] = true
			}
		}
	}
	return taken
}

// methodNames are the Go names of an interface's own methods.
func methodNames(i *model.Interface) map[*model.Method]string {
	taken := inheritedNames(i)
	out := map[*model.Method]string{}
	for _, m := range i.Methods {
		if m.Go.Name != "" {
			out[m] = m.Go.Name
			taken[m.Go.Name] = true
		}
	}
	for _, m := range i.Methods {
		if m.Go.Name == "" && !m.Destroy && !m.Construct {
			out[m] = taken.take(upper(m.Name), "_")
		}
	}
	return out
}

var startsWithVowel = regexp.MustCompile(`^(?i:[aeio]|u[lp]|un[^i])`)

// article is "a" or "an", as the name wants it.
func article(name string) string {
	if startsWithVowel.MatchString(name) {
		return "an"
	}
	return "a"
}

// enumerate is a list as a sentence has it.
func enumerate(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
