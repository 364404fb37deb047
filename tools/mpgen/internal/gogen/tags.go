package gogen

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// Source is a Go file with structs that are bound by $Go.wrap. The tags of
// their fields, such as `mp:"name"`, name fields of the schema.
type Source struct {
	Name    string
	Content []byte
}

// goStruct is a struct type of a source, and its package's name.
type goStruct struct {
	*ast.StructType
	pkg string
}

// tagged is a field of a Go struct that has a tag.
type tagged struct {
	path string // from the struct: Base.Y
	pos  model.Pos
	used bool
}

// tags finds the fields of bound structs by the tags in Go sources.
type tags struct {
	structs map[string]goStruct // by package and type: stats.Report
	fset    *token.FileSet
	errs    model.Errors
}

// bindTags gives the fields of bound structs the Go names that tags say. A tag
// that names no field is an error.
func bindTags(s *model.Schema, opts Options) error {
	t := &tags{structs: map[string]goStruct{}, fset: token.NewFileSet()}
	for _, src := range opts.Sources {
		t.parse(src)
	}
	byType := map[string]map[string]*tagged{}
	for _, f := range s.Files {
		for _, st := range f.Structs {
			key, ok := t.find(f, st.Go.Wrap, opts)
			if !ok {
				continue
			}
			if byType[key] == nil {
				byType[key] = map[string]*tagged{}
				t.walk(t.structs[key], "", byType[key])
			}
			for _, field := range st.Fields {
				if tag := byType[key][field.Name]; tag != nil {
					tag.used = true
					if field.Go.Name == "" {
						field.Go.Name = tag.path
					}
				}
			}
		}
	}
	for key, list := range byType {
		for name, tag := range list {
			if !tag.used {
				t.errorf(tag.pos, "the tag of %s names a field %s, which no struct bound to %s has", tag.path, name, key)
			}
		}
	}
	if len(t.errs) > 0 {
		return t.errs.Sort()
	}
	return nil
}

func (t *tags) errorf(pos model.Pos, format string, args ...any) {
	t.errs = append(t.errs, &model.Error{Pos: pos, Msg: fmt.Sprintf(format, args...)})
}

func (t *tags) pos(p token.Pos) model.Pos {
	at := t.fset.Position(p)
	return model.Pos{File: at.Filename, Line: at.Line, Col: at.Column}
}

func (t *tags) parse(src Source) {
	file, err := parser.ParseFile(t.fset, src.Name, src.Content, parser.SkipObjectResolution)
	if err != nil {
		var list scanner.ErrorList
		if errors.As(err, &list) {
			for _, e := range list {
				t.errorf(model.Pos{File: src.Name, Line: e.Pos.Line, Col: e.Pos.Column}, "%s", e.Msg)
			}
			return
		}
		t.errorf(model.Pos{File: src.Name}, "%v", err)
		return
	}
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range decl.Specs {
			if typ, ok := spec.(*ast.TypeSpec); ok {
				if st, ok := typ.Type.(*ast.StructType); ok {
					t.structs[file.Name.Name+"."+typ.Name.Name] = goStruct{st, file.Name.Name}
				}
			}
		}
	}
}

// find looks for the struct that a binding of a schema file names.
func (t *tags) find(f *model.File, wrap string, opts Options) (key string, ok bool) {
	if wrap == "" {
		return "", false
	}
	slash := strings.LastIndexByte(wrap, '/')
	if dot := strings.IndexByte(wrap[slash+1:], '.'); dot >= 0 {
		key = PackageName(wrap[:slash+1+dot]) + wrap[slash+1+dot:]
	} else if pkg, err := opts.Package(f); err == nil {
		key = pkg.Name + "." + wrap
	}
	_, ok = t.structs[key]
	return key, ok
}

// walk collects the tags of a struct's fields, and of those embedded in it or
// marked `mp:",inline"`. It is among those of outer.
func (t *tags) walk(s goStruct, prefix string, out map[string]*tagged, outer ...*ast.StructType) {
	if slices.Contains(outer, s.StructType) {
		return // a struct that contains itself: the Go compiler will say so
	}
	outer = append(outer, s.StructType)
	for _, f := range s.Fields.List {
		tag := ""
		if f.Tag != nil {
			// It is a string literal, or the file would not parse.
			text, _ := strconv.Unquote(f.Tag.Value)
			tag = reflect.StructTag(text).Get("mp")
		}
		names := f.Names
		typ, plain := f.Type.(*ast.Ident)
		if len(names) == 0 && plain {
			names = []*ast.Ident{typ}
			if tag == "" {
				tag = ",inline"
			}
		}
		for _, n := range names {
			path := prefix + n.Name
			inner, ours := goStruct{}, false
			if plain {
				inner, ours = t.structs[s.pkg+"."+typ.Name]
			}
			switch {
			case tag == "" || tag == "-":
			case tag == ",inline" && ours:
				t.walk(inner, path+".", out, outer...)
			case tag == ",inline" && len(f.Names) == 0: // embeds what has no tags that are known
			case tag == ",inline":
				t.errorf(t.pos(n.Pos()), "%s is not a struct of the Go files given, so it cannot be inline", path)
			case out[tag] != nil:
				t.errorf(t.pos(n.Pos()), "%s and %s have the same tag", out[tag].path, path)
			default:
				out[tag] = &tagged{path: path, pos: t.pos(n.Pos())}
			}
		}
	}
}
