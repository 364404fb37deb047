// Package codec measures how fast each implementation turns plain Go values into bytes and back: FooStruct with a 16-character name, ten integers,
// ten bools and a map of ten. It shows what the encodings cost without any I/O: go test -bench . ./codec
package codec

import (
	"testing"

	"capnproto.org/go/capnp/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mpgo-dev/mpgo/pkg/mprt"

	"github.com/mpgo-dev/mpgo/bench/internal/foo"
	"github.com/mpgo-dev/mpgo/bench/internal/foocapnp"
	"github.com/mpgo-dev/mpgo/bench/internal/foomp"
	"github.com/mpgo-dev/mpgo/bench/internal/foopb"
)

// codecs are the implementations. encode appends to a buffer that it may use again; decode makes a new value, of the type that a program with this
// implementation uses: the struct that mpgo or protobuf-go generates, or, as go-capnp has none, the program's own.
var codecs = []struct {
	name string
	new  func(*foo.Struct) (encode func([]byte) ([]byte, error), decode func([]byte) (any, error))
}{
	{"mpgo", mpgo},
	{"go-capnp", goCapnp},
	{"protobuf-go", protobufGo},
}

// mpgo's generated struct is a plain value.
func mpgo(s *foo.Struct) (func([]byte) ([]byte, error), func([]byte) (any, error)) {
	v := foomp.FromStruct(s)
	msg, _ := capnp.NewSingleSegmentMessage(nil)
	encode := func(buf []byte) ([]byte, error) {
		seg, err := msg.Reset(capnp.SingleSegment(buf[:0]))
		if err != nil {
			return nil, err
		}
		root, err := capnp.NewRootStruct(seg, v.CapnpSize())
		if err != nil {
			return nil, err
		}
		v.MarshalCapnp(mprt.Builder{Struct: root})
		return seg.Data(), nil
	}
	decode := func(data []byte) (any, error) {
		msg := &capnp.Message{Arena: capnp.SingleSegment(data)}
		v := new(foomp.FooStruct)
		return v, mprt.Unmarshal(msg, v)
	}
	return encode, decode
}

// goCapnp sets and gets every field by the generated accessors. It writes into a message that is reset and used again.
func goCapnp(s *foo.Struct) (func([]byte) ([]byte, error), func([]byte) (any, error)) {
	msg, _ := capnp.NewSingleSegmentMessage(nil)
	encode := func(buf []byte) ([]byte, error) {
		seg, err := msg.Reset(capnp.SingleSegment(buf[:0]))
		if err != nil {
			return nil, err
		}
		root, err := foocapnp.NewRootFooStruct(seg)
		if err != nil {
			return nil, err
		}
		if err := foocapnp.Write(root, s); err != nil {
			return nil, err
		}
		return seg.Data(), nil
	}
	decode := func(data []byte) (any, error) {
		msg := &capnp.Message{Arena: capnp.SingleSegment(data)}
		root, err := foocapnp.ReadRootFooStruct(msg)
		if err != nil {
			return nil, err
		}
		return foocapnp.Read(root)
	}
	return encode, decode
}

// protobufGo's plain values are the generated message, so it has nothing to convert.
func protobufGo(s *foo.Struct) (func([]byte) ([]byte, error), func([]byte) (any, error)) {
	m := foopb.FromStruct(s)
	encode := func(buf []byte) ([]byte, error) {
		return proto.MarshalOptions{}.MarshalAppend(buf[:0], m)
	}
	decode := func(data []byte) (any, error) {
		m := new(foopb.FooStruct)
		return m, proto.Unmarshal(data, m)
	}
	return encode, decode
}

// TestRoundTrip holds the benchmarks to their work.
func TestRoundTrip(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) {
			encode, decode := c.new(foo.New())
			for range 2 { // the second time into a used buffer
				data, err := encode(make([]byte, 0, 1024))
				if err != nil {
					t.Fatal(err)
				}
				got, err := decode(data)
				if err != nil {
					t.Fatal(err)
				}
				if err := plain(got).Check(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// plain is a decoded value as the program's own type.
func plain(v any) *foo.Struct {
	switch v := v.(type) {
	case *foomp.FooStruct:
		return v.ToStruct()
	case *foopb.FooStruct:
		return &foo.Struct{Name: v.Name, SetInt: v.SetInt, VectorBool: v.VectorBool, OptionalInt: v.OptionalInt, MapStringInt: v.MapStringInt}
	}
	return v.(*foo.Struct)
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.name, func(b *testing.B) {
			encode, _ := c.new(foo.New())
			buf := make([]byte, 0, 1024)
			b.ReportAllocs()
			for b.Loop() {
				data, err := encode(buf)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(data)))
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.name, func(b *testing.B) {
			encode, decode := c.new(foo.New())
			data, err := encode(make([]byte, 0, 1024))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
