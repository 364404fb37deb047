package compiler

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mpgo-dev/mpgo/schema"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// A FileSystem is where schema files are read from. Names use slashes and are
// absolute: Options.Dir is in front of relative ones.
type FileSystem interface {
	// ReadFile returns the content of a file, or an error that is
	// fs.ErrNotExist if there is none.
	ReadFile(name string) ([]byte, error)
}

// OS is the file system of the process.
var OS FileSystem = osFiles{}

type osFiles struct{}

func (osFiles) ReadFile(name string) ([]byte, error) {
	name = filepath.FromSlash(name)
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if st.Size() > maxFile {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("larger than %d MiB", maxFile>>20)}
	}
	return os.ReadFile(name)
}

// MapFS is a FileSystem in memory: content by name. Names have no slash in
// front, and Options.Dir is "/".
type MapFS map[string]string

// ReadFile implements FileSystem.
func (m MapFS) ReadFile(name string) ([]byte, error) {
	if s, ok := m[strings.TrimPrefix(path.Clean(name), "/")]; ok {
		return []byte(s), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// maxFile is the size of the largest file that is read.
const maxFile = 256 << 20

// root is a folder that import paths beginning with '/' are looked up in.
type root struct {
	dir      string // as given; "" is Options.Dir
	abs      string
	embedded bool // the standard imports that are built in
}

func (r *root) join(rel string) string {
	if r.embedded {
		return rel
	}
	return path.Join(r.dir, rel)
}

// file is a source file.
type file struct {
	c     *compiler
	index int // order of loading, and of diagnostics
	root  *root
	path  string // relative to root; the name of the file in nodes
	shown string // for messages
	src   string
	lines []uint32 // offsets where lines begin; made when first needed

	requested bool
	tree      *syntax.File
	damage    *syntax.Damage
	node      *node
	resolved  []resolution // what names refer to, in the order they were looked up
}

// resolution records what an expression refers to.
type resolution struct {
	start, end uint32
	id         uint64
}

func (c *compiler) abs(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(c.dir, name)
}

// within tells where name lies in dir; both are absolute.
func within(dir, name string) (rel string, ok bool) {
	if dir == "/" {
		return name[1:], name != "/"
	}
	if strings.HasPrefix(name, dir) && len(name) > len(dir)+1 && name[len(dir)] == '/' {
		return name[len(dir)+1:], true
	}
	return "", false
}

// setRoots makes the roots from the options.
func (c *compiler) setRoots(o *Options) {
	c.cwd = c.rootFor("")
	for _, dir := range o.ImportPaths {
		c.imports = append(c.imports, c.rootFor(dir))
	}
	for _, dir := range o.SourcePrefixes {
		c.prefixes = append(c.prefixes, c.rootFor(dir))
	}
	if !o.NoStandardImports {
		c.imports = append(c.imports, &root{abs: "\x00standard", embedded: true})
	}
}

func (c *compiler) rootFor(dir string) *root {
	dir = filepath.ToSlash(dir)
	abs := c.abs(dir)
	for _, r := range slices.Concat([]*root{c.cwd}, c.imports, c.prefixes) {
		if r != nil && r.abs == abs {
			return r
		}
	}
	return &root{dir: dir, abs: abs}
}

// locate finds the root and path that a file given by the user belongs to:
// the longest source prefix, else the working directory, else the root of the
// file system.
func (c *compiler) locate(name string) (*root, string) {
	abs := c.abs(filepath.ToSlash(name))
	var best *root
	for _, r := range c.prefixes {
		if _, ok := within(r.abs, abs); ok && (best == nil || len(r.abs) > len(best.abs)) {
			best = r
		}
	}
	if best == nil {
		best = c.cwd
	}
	if rel, ok := within(best.abs, abs); ok {
		return best, rel
	}
	if c.fsRoot == nil {
		c.fsRoot = &root{dir: "/", abs: "/"}
	}
	return c.fsRoot, strings.TrimPrefix(abs, "/")
}

// key identifies a file however it is reached.
func (r *root) key(rel string) string { return r.abs + "/" + rel }

var errTooLarge = fmt.Errorf("larger than %d MiB", maxFile>>20)

// load reads and parses a file, or returns the one that was read before.
func (c *compiler) load(r *root, rel string) (*file, error) {
	key := r.key(rel)
	if f := c.files[key]; f != nil {
		return f, nil
	}
	src, err := c.read(r, rel)
	if err != nil {
		return nil, err
	}
	if len(src) > maxFile {
		return nil, errTooLarge
	}
	// The same file may be reached through two roots.
	for _, f := range c.order {
		if path.Base(f.path) == path.Base(rel) && f.src == string(src) {
			c.files[key] = f
			return f, nil
		}
	}
	f := &file{c: c, index: len(c.order), root: r, path: rel, shown: r.join(rel), src: string(src)}
	if r.embedded {
		f.shown = "/" + rel
	}
	c.files[key] = f
	c.order = append(c.order, f)
	c.sourceBytes += len(src)
	f.parse()
	return f, nil
}

func (c *compiler) read(r *root, rel string) ([]byte, error) {
	if r.embedded {
		return schema.Files.ReadFile(rel)
	}
	return c.fs.ReadFile(c.abs(r.join(rel)))
}

// importFile finds what an import in f refers to. path is as written.
func (f *file) importFile(name string) (*file, error) {
	var found *file
	err := f.search(name, func(r *root, rel string) error {
		g, err := f.c.load(r, rel)
		found = g
		return err
	})
	return found, err
}

// readEmbed reads the file that an embed in f refers to.
func (f *file) readEmbed(name string) ([]byte, error) {
	var data []byte
	err := f.search(name, func(r *root, rel string) error {
		b, err := f.c.read(r, rel)
		data = b
		return err
	})
	return data, err
}

// search tries the places that an import path of f may mean until one exists:
// beside f, or for a path that begins with '/' the import roots.
func (f *file) search(name string, try func(*root, string) error) error {
	rel, absolute := strings.CutPrefix(name, "/")
	roots := f.c.imports
	if !absolute {
		rel = path.Join(path.Dir(f.path), name)
		roots = []*root{f.root}
	}
	rel = path.Clean(rel)
	if rel == ".." || strings.HasPrefix(rel, "../") {
		return errOutside
	}
	if name == "" || strings.ContainsRune(name, 0) || rel == "." {
		return fs.ErrNotExist
	}
	for _, r := range roots {
		if err := try(r, rel); err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			return err
		}
	}
	return fs.ErrNotExist
}

var errOutside = errors.New("the path leads out of the import root")

// parse reads the declarations and the file's id.
func (f *file) parse() {
	f.tree = syntax.Parse(f.src, f)
	f.damage = f.tree.Damage
	d := f.tree.Root
	if !d.HasID {
		d.HasID = true
		d.ID = derivedFileID(f.path, f.src)
		if f.damage == nil {
			f.errorf(0, 0, fmt.Sprintf("add this line: @%#x;", d.ID), "the file has no id")
		}
	}
	f.node = f.c.newFileNode(f)
}
