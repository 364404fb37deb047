// Package randomcheck checks the generated code of random schemas: what is sent
// is what the schema says, read independently of generated code, and what is
// received is what was sent.
package randomcheck

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// A Package is the generated code of a schema.
type Package struct {
	// Request is the compiled schema.
	Request []byte
	// Structs make values, by the struct's name in the schema with its file:
	// those that are not generic.
	Structs map[string]func() mprt.Struct
	// Objects make implementations of interfaces and functions, by Go type.
	Objects map[reflect.Type]func(h *Handler) any
	// Serve and Client are those of the interface that hands out objects of
	// the others.
	Serve  func(h *Handler) *mprt.Server
	Client func(c mprt.Capability) any
}

// Run checks a package with some rounds of random values.
func Run(t *testing.T, p Package, rounds int) {
	msg, err := capnp.Unmarshal(p.Request)
	if err != nil {
		t.Fatal(err)
	}
	msg.ResetReadLimit(math.MaxUint64)
	req, err := schema.ReadRootCodeGeneratorRequest(msg)
	if err != nil {
		t.Fatal(err)
	}
	w := newWalker(t, req)
	f := &filler{Rand: rand.New(rand.NewPCG(1, 2)), t: t, p: &p}
	for name, newStruct := range p.Structs {
		node, ok := w.byName[name]
		if !ok {
			t.Errorf("the schema has no struct %s", name)
			continue
		}
		for range rounds {
			w.roundTrip(name, node, f, newStruct)
			if t.Failed() {
				return
			}
		}
	}
	if p.Serve != nil {
		call(t, &p, f, rounds)
	}
}

func (w *walker) roundTrip(name string, node schema.Node, f *filler, newStruct func() mprt.Struct) {
	in, out := newStruct(), newStruct()
	f.fill(reflect.ValueOf(in).Elem(), 0)
	msg, err := mprt.Marshal(in)
	if err != nil {
		w.t.Errorf("%s: marshal %v: %v", name, in, err)
		return
	}
	data, err := msg.MarshalPacked()
	if err != nil {
		w.t.Error(err)
		return
	}
	if msg, err = capnp.UnmarshalPacked(data); err != nil {
		w.t.Error(err)
		return
	}
	if err := mprt.Unmarshal(msg, out); err != nil {
		w.t.Errorf("%s: unmarshal %v: %v", name, in, err)
		return
	}
	root, err := msg.Root()
	if err != nil {
		w.t.Error(err)
		return
	}
	w.received = false
	w.structure(name, node, env{}, root.Struct(), reflect.ValueOf(in).Elem())
	w.received = true
	w.structure(name+" as received", node, env{}, root.Struct(), reflect.ValueOf(out).Elem())
	if w.t.Failed() {
		w.t.Logf("sent     %v\nreceived %v", in, out)
	}
}

// A Handler is behind the implementations of a package's objects.
type Handler struct {
	mu   sync.Mutex
	next func(method string, args, results []any) error
}

// Call is what each method of an object does: args and results are pointers.
func (h *Handler) Call(method string, args, results []any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next(method, args, results)
}

// call calls every method of every object that the harness hands out.
func call(t *testing.T, p *Package, f *filler, rounds int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	near, far := net.Pipe()
	h := &Handler{}
	f.handler = h
	done := make(chan error, 1)
	go func() { done <- mprt.ServeConn(ctx, far, p.Serve(h)) }()
	conn := mprt.NewConn(near, nil)
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		<-done // however that end saw it end
	}()
	harness := reflect.ValueOf(p.Client(conn.Bootstrap()))
	for i := range harness.NumMethod() {
		m := harness.Type().Method(i)
		if !strings.HasPrefix(m.Name, "Get") || m.Type.NumIn() != 2 || m.Type.NumOut() != 2 {
			continue
		}
		typ := m.Type.Out(0)
		newObject := p.Objects[typ]
		if newObject == nil {
			t.Errorf("no implementation of %v", typ)
			continue
		}
		h.next = func(_ string, _, results []any) error {
			reflect.ValueOf(results[0]).Elem().Set(reflect.ValueOf(newObject(h)))
			return nil
		}
		out := harness.Method(i).Call([]reflect.Value{reflect.ValueOf(ctx)})
		if err, _ := out[1].Interface().(error); err != nil {
			t.Errorf("%s: %v", m.Name, err)
			return
		}
		object := out[0]
		if typ.Kind() == reflect.Func {
			for range rounds {
				one(ctx, t, h, f, typ.String(), object)
			}
			continue
		}
		for k := range typ.NumMethod() {
			for range rounds {
				one(ctx, t, h, f, typ.String()+"."+typ.Method(k).Name, object.MethodByName(typ.Method(k).Name))
				if t.Failed() {
					return
				}
			}
		}
	}
}

// one makes one call, with random arguments and results or an error.
func one(ctx context.Context, t *testing.T, h *Handler, f *filler, name string, method reflect.Value) {
	typ := method.Type()
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < typ.NumIn(); i++ {
		v := reflect.New(typ.In(i)).Elem()
		f.fill(v, 1)
		in = append(in, v)
	}
	var want []reflect.Value
	for i := range typ.NumOut() - 1 {
		v := reflect.New(typ.Out(i)).Elem()
		f.fill(v, 1)
		want = append(want, v)
	}
	fails := f.IntN(8) == 0
	called := false
	h.next = func(_ string, args, results []any) error {
		called = true
		for i, a := range args {
			if diff := differ(in[i+1], reflect.ValueOf(a).Elem()); diff != "" {
				t.Errorf("%s: argument %d: %s", name, i, diff)
			}
		}
		if fails {
			return errors.New("it failed")
		}
		for i, r := range results {
			reflect.ValueOf(r).Elem().Set(want[i])
		}
		return nil
	}
	out := method.Call(in)
	err, _ := out[len(out)-1].Interface().(error)
	switch {
	case !called:
		t.Errorf("%s: not called, and the error is %v", name, err)
		return
	case fails && (err == nil || !strings.Contains(err.Error(), "it failed")):
		t.Errorf("%s: the error is %v", name, err)
	case !fails && err != nil:
		t.Errorf("%s: %v", name, err)
	}
	if fails || err != nil {
		return
	}
	for i := range want {
		if diff := differ(want[i], out[i]); diff != "" {
			t.Errorf("%s: result %d: %s", name, i, diff)
		}
	}
}

// differ tells where what arrived differs from what was sent. A null may arrive
// as a default.
func differ(sent, got reflect.Value) string {
	switch sent.Kind() {
	case reflect.Interface, reflect.Func:
		if sent.IsNil() != got.IsNil() {
			return fmt.Sprintf("an object sent is nil: %v, received: %v", sent.IsNil(), got.IsNil())
		}
		return ""
	case reflect.Pointer:
		switch {
		case sent.IsNil():
			return ""
		case got.IsNil():
			return "nil arrived"
		}
		return differ(sent.Elem(), got.Elem())
	case reflect.Slice:
		switch {
		case sent.IsNil():
			return ""
		case got.IsNil() || sent.Len() != got.Len():
			return fmt.Sprintf("sent %v, received %v", sent, got)
		}
		for i := range sent.Len() {
			if d := differ(sent.Index(i), got.Index(i)); d != "" {
				return fmt.Sprintf("[%d]: %s", i, d)
			}
		}
		return ""
	case reflect.Struct:
		switch s := sent.Interface().(type) {
		case mprt.AnyPointer:
			if g := got.Interface().(mprt.AnyPointer); !s.IsNull() && !mprt.Equal(s, g) {
				return fmt.Sprintf("sent %v, received %v", s, g)
			}
			return ""
		case mprt.Capability:
			return ""
		}
		for i := range sent.NumField() {
			if d := differ(sent.Field(i), got.Field(i)); d != "" {
				return "." + sent.Type().Field(i).Name + ": " + d
			}
		}
		return ""
	case reflect.Float32, reflect.Float64:
		if math.Float64bits(sent.Float()) != math.Float64bits(got.Float()) {
			return fmt.Sprintf("sent %v, received %v", sent, got)
		}
		return ""
	}
	if !sent.Equal(got) {
		return fmt.Sprintf("sent %v, received %v", sent, got)
	}
	return ""
}

// filler fills values with random content.
type filler struct {
	*rand.Rand
	t       *testing.T
	p       *Package
	handler *Handler // nil where there can be no objects
}

var (
	anyType        = reflect.TypeFor[mprt.AnyPointer]()
	capabilityType = reflect.TypeFor[mprt.Capability]()
)

func (f *filler) fill(v reflect.Value, depth int) {
	switch {
	case v.Type() == anyType:
		v.Set(reflect.ValueOf(f.any()))
		return
	case v.Type() == capabilityType:
		return
	case v.Kind() == reflect.Uint16 && v.Type().Name() != "uint16": // an enum, sometimes of a newer schema
		v.SetUint(uint64(f.IntN(6)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.IntN(2) == 1)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.Uint64()) >> (64 - v.Type().Bits()) >> f.IntN(v.Type().Bits()))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.Uint64() >> (64 - v.Type().Bits()) >> f.IntN(v.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		x := []float64{0, math.Inf(1), math.Inf(-1), math.Copysign(0, -1), f.NormFloat64(), math.MaxFloat32, math.NaN()}[f.IntN(7)]
		v.SetFloat(float64(float32(x)))
	case reflect.String:
		v.SetString([]string{"", "a", "Grüße ☃", strings.Repeat("x", f.IntN(100)), "\x00"}[f.IntN(5)])
	case reflect.Slice:
		if depth > 4 || f.IntN(4) == 0 {
			return
		}
		n := f.IntN(5)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.fill(v.Index(i), depth+1)
		}
	case reflect.Pointer:
		if depth > 4 || f.IntN(3) == 0 {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i), depth+1)
		}
		f.choose(v)
	case reflect.Interface, reflect.Func:
		if newObject := f.p.Objects[v.Type()]; f.handler != nil && newObject != nil && f.IntN(2) == 0 {
			v.Set(reflect.ValueOf(newObject(f.handler)))
		}
	default:
		f.t.Fatalf("no random %v", v.Type())
	}
}

// choose picks a member of a union and zeroes the others, which are not sent.
func (f *filler) choose(v reflect.Value) {
	which := v.FieldByName("Which")
	if !which.IsValid() || !discriminant(which.Type()) {
		return
	}
	var members []string
	for n := uint64(0); ; n++ {
		which.SetUint(n)
		name := which.MethodByName("String").Call(nil)[0].String()
		if strings.Contains(name, "(") {
			break
		}
		members = append(members, name)
	}
	n := f.IntN(len(members))
	which.SetUint(uint64(n))
	for i, m := range members {
		if field := goField(v, m); field.IsValid() && i != n {
			field.SetZero()
		}
	}
}

func (f *filler) any() mprt.AnyPointer {
	var a mprt.AnyPointer
	var err error
	switch f.IntN(4) {
	case 0:
		a, err = mprt.AnyPointerTo("text", mprt.Texts{})
	case 1:
		a, err = mprt.AnyPointerTo([]bool{true, false, true}, mprt.Lists[bool]{Elem: mprt.Bools{}})
	case 2:
		a, err = mprt.AnyPointerTo([]uint32{1, 2}, mprt.Lists[uint32]{Elem: mprt.Numbers[uint32]{}})
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

// discriminant reports whether a type says which member of a union is set: one of
// a group called which has its name, too.
func discriminant(t reflect.Type) bool {
	return t.Kind() == reflect.Uint16 && strings.Contains(t.Name(), "_Which")
}

// goField is the Go field of a schema's field.
func goField(v reflect.Value, name string) reflect.Value {
	name = strings.ToUpper(name[:1]) + name[1:]
	for range 3 {
		if f, ok := v.Type().FieldByName(name); ok && (name != "Which" || !discriminant(f.Type)) {
			return v.FieldByIndex(f.Index)
		}
		name += "_"
	}
	return reflect.Value{}
}
