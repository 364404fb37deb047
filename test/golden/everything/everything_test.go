package everything

import (
	_ "embed"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/pogs"
	"capnproto.org/go/capnp/v3/schemas"
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// request is the compiled everything.capnp. The generator's tests see that it
// is what the compiler makes of it.
//
//go:embed testdata/everything.request
var request []byte

// filler fills values with random content.
type filler struct {
	*rand.Rand
	noNil bool // for fields that have defaults, which a nil would become
}

var anyType = reflect.TypeFor[mprt.AnyPointer]()

func (f filler) fill(t testing.TB, v reflect.Value, depth int) {
	switch {
	case v.Type() == anyType:
		v.Set(reflect.ValueOf(f.any(t)))
		return
	case v.Kind() == reflect.Uint16 && v.Type().Name() != "uint16": // an enum, sometimes of a newer schema
		v.SetUint(uint64(f.IntN(4)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.IntN(2) == 1)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.Uint64() >> f.IntN(64)))
		if v.OverflowInt(v.Int()) {
			v.SetInt(v.Int() >> 3)
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.Uint64() >> f.IntN(64))
	case reflect.Float32, reflect.Float64:
		x := []float64{0, math.Inf(1), math.Inf(-1), math.Copysign(0, -1), f.NormFloat64(), math.MaxFloat32}[f.IntN(6)]
		v.SetFloat(float64(float32(x)))
	case reflect.String:
		v.SetString([]string{"", "a", "Grüße ☃", strings.Repeat("x", f.IntN(100)), "\x00"}[f.IntN(5)])
	case reflect.Slice:
		if depth > 4 || f.IntN(4) == 0 && !f.noNil {
			return
		}
		n := f.IntN(5)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.fill(t, v.Index(i), depth+1)
		}
	case reflect.Pointer:
		if depth > 4 || f.IntN(3) == 0 && !f.noNil {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(t, v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(t, v.Field(i), depth+1)
		}
		f.choose(t, v)
	default:
		t.Fatalf("no random %v", v.Type())
	}
}

// choose picks a member of a union and zeroes the others, which are not sent.
func (f filler) choose(t testing.TB, v reflect.Value) {
	which := v.FieldByName("Which")
	if !which.IsValid() {
		return
	}
	var members []string
	for n := uint64(0); ; n++ {
		which.SetUint(n)
		name := which.MethodByName("String").Call(nil)[0].String()
		if strings.Contains(name, "(") {
			break
		}
		members = append(members, strings.ToUpper(name[:1])+name[1:])
	}
	n := f.IntN(len(members))
	which.SetUint(uint64(n))
	for i, m := range members {
		if field := v.FieldByName(m); field.IsValid() && i != n {
			field.SetZero()
		}
	}
}

func (f filler) any(t testing.TB) mprt.AnyPointer {
	var a mprt.AnyPointer
	var err error
	switch f.IntN(5) {
	case 0:
		a, err = mprt.AnyPointerTo("text", mprt.Texts{})
	case 1:
		a, err = mprt.AnyPointerTo(&Scalars{I32: f.Int32(), F64: 1}, mprt.Pointers[Scalars, *Scalars]{})
	case 2:
		a, err = mprt.AnyPointerTo([]bool{true, false, true}, mprt.Lists[bool]{Elem: mprt.Bools{}})
	case 3:
		a, err = mprt.AnyPointerTo([]Shape{{Name: "a"}, {Weight: 3}}, mprt.Lists[Shape]{Elem: mprt.Structs[Shape, *Shape]{}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// roundTrip passes a value through its bytes.
func roundTrip(t *testing.T, in, out mprt.Struct) *capnp.Message {
	t.Helper()
	msg, err := mprt.Marshal(in)
	if err != nil {
		t.Fatalf("marshal %v: %v", in, err)
	}
	data, err := msg.MarshalPacked()
	if err != nil {
		t.Fatal(err)
	}
	if msg, err = capnp.UnmarshalPacked(data); err != nil {
		t.Fatal(err)
	}
	if err := mprt.Unmarshal(msg, out); err != nil {
		t.Fatalf("unmarshal %v: %v", in, err)
	}
	return msg
}

var structs = []struct {
	new    func() mprt.Struct
	name   string
	noPogs bool // has AnyPointers, which go-capnp's pogs do not read
}{
	{func() mprt.Struct { return new(Scalars) }, "Scalars", false},
	{func() mprt.Struct { return new(Pointers) }, "Pointers", true},
	{func() mprt.Struct { return new(Lists) }, "Lists", false},
	{func() mprt.Struct { return new(Shape) }, "Shape", false},
	{func() mprt.Struct { return new(Groups) }, "Groups", false},
	{func() mprt.Struct { return new(Defaults) }, "Defaults", false},
	{func() mprt.Struct { return new(Nested) }, "Nested", false},
	{func() mprt.Struct { return new(Evolved) }, "Evolved", false},
	{func() mprt.Struct { return new(Empty) }, "Empty", false},
}

func TestRoundTrip(t *testing.T) {
	ids := register(t)
	for _, s := range structs {
		t.Run(s.name, func(t *testing.T) {
			f := filler{rand.New(rand.NewPCG(1, 2)), s.name == "Defaults"}
			for range 200 {
				in, out := s.new(), s.new()
				f.fill(t, reflect.ValueOf(in).Elem(), 0)
				msg := roundTrip(t, in, out)
				if !mprt.Equal(in, out) {
					t.Fatalf("sent     %v\nreceived %v", in, out)
				}
				clone := mprt.Clone(in)
				if !mprt.Equal(in, clone) {
					t.Fatalf("clone of %v\nis       %v", in, clone)
				}
				if s.noPogs {
					continue
				}
				root, err := msg.Root()
				if err != nil {
					t.Fatal(err)
				}
				theirs := readable(in)
				if err := pogs.Extract(theirs.Addr().Interface(), ids[s.name], root.Struct()); err != nil {
					t.Fatal(err)
				}
				flatten(theirs)
				want := reflect.ValueOf(mprt.Clone(in)).Elem()
				flatten(want)
				for i := range theirs.NumField() {
					name := theirs.Type().Field(i).Name
					if w, got := want.FieldByName(name).Interface(), theirs.Field(i).Interface(); !mprt.Equal(w, got) {
						t.Fatalf("%s: sent %v, go-capnp reads %v", name, w, got)
					}
				}
			}
		})
	}
}

// readable is a variable of a struct's type, less the lists of Void, which
// go-capnp's pogs do not read.
func readable(v mprt.Struct) reflect.Value {
	typ := reflect.TypeOf(v).Elem()
	var fields []reflect.StructField
	for i := range typ.NumField() {
		if f := typ.Field(i); f.Type != reflect.TypeFor[[]struct{}]() {
			fields = append(fields, f)
		}
	}
	return reflect.New(reflect.StructOf(fields)).Elem()
}

// flatten makes empty lists nil: go-capnp does not tell them apart.
func flatten(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.Len() == 0 {
			v.SetZero()
		}
		for i := range v.Len() {
			flatten(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			flatten(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			flatten(v.Field(i))
		}
	}
}

// register makes the schema known to go-capnp, once, and returns its ids by
// name.
func register(t *testing.T) map[string]uint64 {
	t.Helper()
	ids, err := registered()
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

var registered = sync.OnceValues(func() (map[string]uint64, error) {
	msg, err := capnp.UnmarshalPacked(request)
	if err != nil {
		return nil, err
	}
	req, err := schema.ReadRootCodeGeneratorRequest(msg)
	if err != nil {
		return nil, err
	}
	nodes, err := req.Nodes()
	if err != nil {
		return nil, err
	}
	ids := map[string]uint64{}
	var all []uint64
	for i := range nodes.Len() {
		n := nodes.At(i)
		name, err := n.DisplayName()
		if err != nil {
			return nil, err
		}
		all = append(all, n.Id())
		ids[name[strings.LastIndexByte(name, ':')+1:]] = n.Id()
	}
	plain, err := msg.Marshal()
	if err != nil {
		return nil, err
	}
	return ids, schemas.DefaultRegistry.Register(&schemas.Schema{Bytes: plain, Nodes: all})
})

// TestDefaults reads a message in which nothing is set.
func TestDefaults(t *testing.T) {
	msg, seg := capnp.NewSingleSegmentMessage(nil)
	if _, err := capnp.NewRootStruct(seg, capnp.ObjectSize{}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ got, want mprt.Struct }{
		{new(Scalars), NewScalars()},
		{new(Defaults), NewDefaults()},
		{new(Lists), new(Lists)},
		{new(Pointers), new(Pointers)},
		{new(Shape), new(Shape)},
	} {
		if err := mprt.Unmarshal(msg, test.got); err != nil {
			t.Fatal(err)
		}
		if !mprt.Equal(test.got, test.want) {
			t.Errorf("got  %v\nwant %v", test.got, test.want)
		}
	}
	d := NewDefaults()
	if d.Text != "foo" || string(d.Data) != "bar" || d.Scalars.I32 != 5 || d.Scalars.YesDefault || d.Scalars.ColorDefault != Color_Blue ||
		d.Structs[0].Name != "one" || d.Lists[2][1] != 3 || d.Shape.Which != Shape_Which_Box || d.Shape.Box.Width != 3 || d.Shape.Box.Height != 7 {
		t.Errorf("defaults are %v", d)
	}
}

func TestConstants(t *testing.T) {
	const sum = uint32(Answer) + Nested_Limit // Go constants
	if sum != 84 || Greeting != "Grüße,\n\"you\"" || Favourite != Color_Green || Precise != 0.1 || !math.IsInf(Infinite, 1) {
		t.Errorf("sum %d, greeting %q, favourite %v, precise %v, infinite %v", sum, Greeting, Favourite, Precise, Infinite)
	}
	if !mprt.Equal(Bytes, []byte{0, 0xff}) || !mprt.Equal(Primes, []uint16{2, 3, 5, 7}) {
		t.Errorf("bytes %x, primes %v", Bytes, Primes)
	}
	if Origin.Name != "origin" || Origin.Which != Shape_Which_Radius || Origin.Color != Color_Red {
		t.Errorf("origin %v", Origin)
	}
	primes, err := mprt.AnyPointerAs(Holder.Any, mprt.Lists[uint16]{Elem: mprt.Numbers[uint16]{}})
	if err != nil || !mprt.Equal(primes, Primes) {
		t.Errorf("primes in holder: %v, %v", primes, err)
	}
	shape, err := mprt.AnyPointerAs(Holder.AnyStruct, mprt.Pointers[Shape, *Shape]{})
	if err != nil || !mprt.Equal(shape, Origin) {
		t.Errorf("shape in holder: %v, %v", shape, err)
	}
}

func TestNames(t *testing.T) {
	if s := Color_Blue.String() + Color(9).String() + Shape_Which_Box.String(); s != "blueColor(9)box" {
		t.Errorf("names are %q", s)
	}
	if s := (&Shape{Name: "x", Which: Shape_Which_Label, Label: "l"}).String(); !strings.Contains(s, `Label:"l"`) || !strings.Contains(s, "Which:label") {
		t.Errorf("String is %s", s)
	}
	if s := (&Pointers{Text: strings.Repeat("x", 1<<20)}).String(); len(s) > 2048 || !strings.HasSuffix(s, "…") {
		t.Errorf("String of a large struct has %d bytes", len(s))
	}
}

// FuzzUnmarshal decodes bytes from a peer that means harm: an error or a value
// that can be sent on, and never a panic.
func FuzzUnmarshal(f *testing.F) {
	for i, s := range structs {
		for seed := range uint64(3) {
			v := s.new()
			filler{rand.New(rand.NewPCG(seed, 3)), false}.fill(f, reflect.ValueOf(v).Elem(), 0)
			msg, err := mprt.Marshal(v)
			if err != nil {
				f.Fatal(err)
			}
			data, err := msg.Marshal()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), data)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		msg, err := capnp.Unmarshal(data)
		if err != nil {
			return
		}
		v := structs[int(which)%len(structs)].new()
		if mprt.Unmarshal(msg, v) != nil {
			return
		}
		_ = mprt.Format(v)
		again, err := mprt.Marshal(v)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		w := structs[int(which)%len(structs)].new()
		if err := mprt.Unmarshal(again, w); err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
	})
}

// TestGrowth sends lists that take a few bytes each and would fill the memory:
// many pointers to one list of many structs without a field.
func TestGrowth(t *testing.T) {
	_, seg := capnp.NewSingleSegmentMessage(nil)
	root, err := capnp.NewRootStruct(seg, new(Lists).CapnpSize())
	if err != nil {
		t.Fatal(err)
	}
	small, err := capnp.NewCompositeList(seg, capnp.ObjectSize{}, 60000)
	if err != nil {
		t.Fatal(err)
	}
	many, err := capnp.NewPointerList(seg, 120)
	if err != nil {
		t.Fatal(err)
	}
	for i := range many.Len() {
		if err := many.Set(i, small.ToPtr()); err != nil {
			t.Fatal(err)
		}
	}
	if err := root.SetPtr(19, capnp.List(many).ToPtr()); err != nil { // structLists @19
		t.Fatal(err)
	}
	if err := mprt.Unmarshal(seg.Message(), &Lists{}); err == nil || !strings.Contains(err.Error(), "in a message that may have") {
		t.Error(err)
	}
}

// TestCycle sends a value that contains itself.
func TestCycle(t *testing.T) {
	loop := &Pointers{}
	loop.Self = loop
	if _, err := mprt.Marshal(loop); err == nil || !strings.Contains(err.Error(), "contains itself") {
		t.Error(err)
	}
	if s := loop.String(); len(s) > 2048 {
		t.Errorf("String has %d bytes", len(s))
	}
	deep := &Pointers{}
	for range 60 {
		deep = &Pointers{Self: deep}
	}
	roundTrip(t, deep, &Pointers{})
}
