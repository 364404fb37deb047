// Package requestdiff compares compiled schemas, for tests: it decodes two
// CodeGeneratorRequests to text, field by field, and tells where they differ.
package requestdiff

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
)

// A Differ decodes requests by schema.capnp.
type Differ struct {
	// Ignore matches the lines, of those that Parts gives, to leave out; nil leaves out none.
	Ignore *regexp.Regexp
	// ByPlace takes what names refer to in the order of the names' places. Else
	// the order is that in which they were looked up.
	ByPlace bool

	nodes map[uint64]schema.Node
	root  uint64
}

// New compiles schema.capnp, the built-in one, which describes requests.
func New() (*Differ, error) {
	res, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS{
		"root.capnp": `@0xd5c5e6c1a5d3d9f1; using S = import "/capnp/schema.capnp"; struct Root { request @0 :S.CodeGeneratorRequest;
		 a @1 :S.Node; b @2 :S.Node.SourceInfo; c @3 :S.Field; d @4 :S.Enumerant; e @5 :S.Method; f @6 :S.Superclass; g @7 :S.Type; h @8 :S.Brand;
		 i @9 :S.Brand.Scope; j @10 :S.Brand.Binding; k @11 :S.Value; l @12 :S.Annotation; m @13 :S.CapnpVersion; n @14 :S.Node.Parameter;
		 o @15 :S.Node.NestedNode; p @16 :S.Node.SourceInfo.Member; q @17 :S.CodeGeneratorRequest.RequestedFile;
		 r @18 :S.CodeGeneratorRequest.RequestedFile.Import; s @19 :S.CodeGeneratorRequest.RequestedFile.FileSourceInfo;
		 t @20 :S.CodeGeneratorRequest.RequestedFile.FileSourceInfo.Identifier; u @21 :S.ElementSize; }`}}, "root.capnp")
	if err := diags.Err(); err != nil {
		return nil, err
	}
	d := &Differ{nodes: map[uint64]schema.Node{}, root: 0xbfc546f6210ad7ce}
	l, err := res.Request.Nodes()
	if err != nil {
		return nil, err
	}
	for i := 0; i < l.Len(); i++ {
		d.nodes[l.At(i).Id()] = l.At(i)
	}
	return d, nil
}

// A Part is a piece of a request, decoded: one node, say.
type Part struct {
	Name  string
	Lines []string
}

// Parts decodes a request. Nodes and source infos come sorted by id, since
// their order says nothing; order tells the ids of the nodes as they come.
func (d *Differ) Parts(req schema.CodeGeneratorRequest) (parts []Part, order []uint64, err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("decoding: %v", e)
		}
	}()
	req.Message().ResetReadLimit(1 << 40)
	root := d.decode(capnp.Struct(req), d.root, "")
	byName := map[string][]string{}
	var names []string
	for _, line := range root {
		if d.Ignore != nil && d.Ignore.MatchString(line) {
			continue
		}
		// Nodes and source infos are told apart by the id in their first line.
		key := "request"
		if rest, ok := strings.CutPrefix(line, "nodes["); ok {
			key = "node " + rest[:strings.IndexByte(rest, ']')]
		} else if rest, ok := strings.CutPrefix(line, "sourceInfo["); ok {
			key = "source info " + rest[:strings.IndexByte(rest, ']')]
		} else if rest, ok := strings.CutPrefix(line, "requestedFiles["); ok {
			key = "requested file " + rest[:strings.IndexByte(rest, ']')]
		}
		if _, ok := byName[key]; !ok {
			names = append(names, key)
		}
		byName[key] = append(byName[key], line)
	}
	slices.Sort(names)
	for _, n := range names {
		if d.ByPlace && strings.HasPrefix(n, "requested file ") {
			slices.Sort(byName[n])
		}
		parts = append(parts, Part{n, byName[n]})
	}
	l := must(req.Nodes())
	for i := 0; i < l.Len(); i++ {
		order = append(order, l.At(i).Id())
	}
	return parts, order, nil
}

// Diff tells how b differs from a, "" if it does not: for each part that
// differs, the lines that only a has, with -, and that only b has, with +.
func (d *Differ) Diff(a, b schema.CodeGeneratorRequest) (diff string, parts int, err error) {
	pa, oa, err := d.Parts(a)
	if err != nil {
		return "", 0, err
	}
	pb, ob, err := d.Parts(b)
	if err != nil {
		return "", 0, err
	}
	var out strings.Builder
	mb := map[string][]string{}
	for _, p := range pb {
		mb[p.Name] = p.Lines
	}
	for _, p := range pa {
		lines, ok := mb[p.Name]
		if !ok {
			fmt.Fprintf(&out, "- %s is missing: %s\n", p.Name, p.Lines[min(1, len(p.Lines)-1)])
			continue
		}
		delete(mb, p.Name)
		if !slices.Equal(p.Lines, lines) {
			fmt.Fprintf(&out, "%s\n", p.Name)
			only(&out, "  - ", p.Lines, lines)
			only(&out, "  + ", lines, p.Lines)
		}
	}
	for _, p := range pb {
		if _, ok := mb[p.Name]; ok {
			fmt.Fprintf(&out, "+ %s: %s\n", p.Name, p.Lines[min(1, len(p.Lines)-1)])
		}
	}
	if out.Len() == 0 && !slices.Equal(oa, ob) {
		fmt.Fprintf(&out, "order of nodes\n  - %x\n  + %x\n", oa, ob)
	}
	return out.String(), len(oa), nil
}

// only writes the lines of a that b lacks.
func only(out *strings.Builder, mark string, a, b []string) {
	count := map[string]int{}
	for _, l := range b {
		count[l]++
	}
	for _, l := range a {
		if count[l]--; count[l] < 0 {
			fmt.Fprintf(out, "%s%s\n", mark, l)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// keyed are the lists whose elements are identified by their first field, an
// id, rather than by their place.
var keyed = map[string]bool{"nodes": true, "sourceInfo": true}

// decode writes each field that is set as one line: its path and value.
func (d *Differ) decode(s capnp.Struct, typeID uint64, path string) []string {
	var lines []string
	n, ok := d.nodes[typeID]
	if !ok {
		panic(fmt.Sprintf("no node %#x", typeID))
	}
	st := n.StructNode()
	fields := must(st.Fields())
	for i := 0; i < fields.Len(); i++ {
		f := fields.At(i)
		if f.DiscriminantValue() != 0xffff && s.Uint16(capnp.DataOffset(2*st.DiscriminantOffset())) != f.DiscriminantValue() {
			continue
		}
		p := path + must(f.Name())
		if f.Which() == schema.Field_Which_group {
			lines = append(lines, d.decode(s, f.Group().TypeId(), p+".")...)
			continue
		}
		if f.DiscriminantValue() != 0xffff {
			lines = append(lines, p+" is set")
		}
		lines = append(lines, d.slot(s, f, p)...)
	}
	return lines
}

func (d *Differ) slot(s capnp.Struct, f schema.Field, p string) []string {
	off := f.Slot().Offset()
	line := func(v any) []string { return []string{fmt.Sprintf("%s = %v", p, v)} }
	t := must(f.Slot().Type())
	def := must(f.Slot().DefaultValue())
	switch t.Which() {
	case schema.Type_Which_void:
		return nil
	case schema.Type_Which_bool:
		return line(s.Bit(capnp.BitOffset(off)))
	case schema.Type_Which_int8, schema.Type_Which_uint8:
		return line(s.Uint8(capnp.DataOffset(off)))
	case schema.Type_Which_int16, schema.Type_Which_uint16, schema.Type_Which_enum:
		v := s.Uint16(capnp.DataOffset(2 * off))
		if t.Which() == schema.Type_Which_uint16 {
			v ^= def.Uint16()
		}
		return line(v)
	case schema.Type_Which_int32, schema.Type_Which_uint32, schema.Type_Which_float32:
		return line(s.Uint32(capnp.DataOffset(4 * off)))
	case schema.Type_Which_int64, schema.Type_Which_uint64, schema.Type_Which_float64:
		return line(fmt.Sprintf("%#x", s.Uint64(capnp.DataOffset(8*off))))
	}
	ptr := must(s.Ptr(uint16(off)))
	if !ptr.IsValid() {
		return nil
	}
	switch t.Which() {
	case schema.Type_Which_text:
		return line(fmt.Sprintf("%q", ptr.Text()))
	case schema.Type_Which_structType:
		return append([]string{p + " is there"}, d.decode(ptr.Struct(), t.StructType().TypeId(), p+".")...)
	case schema.Type_Which_list:
		elem := must(t.List().ElementType())
		if elem.Which() == schema.Type_Which_structType {
			l := ptr.List()
			if l.Len() == 0 {
				return nil // the same as null
			}
			lines := line(fmt.Sprintf("%d elements", l.Len()))
			keyed := keyed[p] || d.ByPlace && strings.HasSuffix(p, ".fileSourceInfo.identifiers")
			if keyed {
				lines = nil
			}
			for i := 0; i < l.Len(); i++ {
				key := fmt.Sprint(i)
				if keyed {
					key = fmt.Sprintf("%016x", l.Struct(i).Uint64(0))
				}
				lines = append(lines, d.decode(l.Struct(i), elem.StructType().TypeId(), p+"["+key+"].")...)
			}
			return lines
		}
	}
	return line(raw(ptr))
}

// raw writes what a pointer of unknown type points to.
func raw(p capnp.Ptr) string {
	if !p.IsValid() {
		return "null"
	}
	var b strings.Builder
	if s := p.Struct(); s.IsValid() {
		rawStruct(&b, s)
		return b.String()
	}
	m, seg := must2(capnp.NewMessage(capnp.SingleSegment(nil)))
	defer m.Release()
	root := must(capnp.NewRootStruct(seg, capnp.ObjectSize{PointerCount: 1}))
	if err := root.SetPtr(0, p); err != nil {
		panic(err)
	}
	// A list's element size shows only in its pointer; the copy's is at the
	// start of the message.
	data := seg.Data()
	word := binary.LittleEndian.Uint64(data[8:])
	size, n := word>>32&7, int(word>>35)
	l := p.List()
	fmt.Fprintf(&b, "list(size %d, %d)[", size, l.Len())
	body := data[8*(2+int(int32(uint32(word))>>2)):]
	switch size {
	case 0:
	case 1:
		fmt.Fprintf(&b, "%x", body[:(n+7)/8])
	case 2, 3, 4, 5:
		fmt.Fprintf(&b, "%x", body[:n<<(size-2)])
	case 6:
		for i := 0; i < n; i++ {
			b.WriteString(raw(must(capnp.PointerList(l).At(i))) + " ")
		}
	case 7:
		for i := 0; i < l.Len(); i++ {
			rawStruct(&b, l.Struct(i))
		}
	}
	b.WriteString("]")
	return b.String()
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

// rawStruct writes a struct without trailing zeros, which mean nothing.
func rawStruct(b *strings.Builder, s capnp.Struct) {
	size := s.Size()
	data := make([]byte, size.DataSize)
	for i := range data {
		data[i] = s.Uint8(capnp.DataOffset(i))
	}
	for len(data) > 0 && data[len(data)-1] == 0 {
		data = data[:len(data)-1]
	}
	var ptrs []string
	for i := uint16(0); i < size.PointerCount; i++ {
		ptrs = append(ptrs, raw(must(s.Ptr(i))))
	}
	for len(ptrs) > 0 && ptrs[len(ptrs)-1] == "null" {
		ptrs = ptrs[:len(ptrs)-1]
	}
	fmt.Fprintf(b, "{%x %s}", data, strings.Join(ptrs, " "))
}
