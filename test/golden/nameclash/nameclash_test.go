package nameclash

import (
	"context"
	"errors"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
)

// service echoes what it gets, under whatever name.
type service struct {
	UnimplementedService_ // the schema has a struct called UnimplementedService
	closed                int
}

func (s *service) Close_(context.Context) error { s.closed++; return nil }

func (s *service) Client_(context.Context) (Service, error) { return s, nil }

func (s *service) Capability_(_ context.Context, c mprt.Capability) (mprt.Capability, error) {
	return c, nil
}

func (s *service) Begin_(_ context.Context, ctxArg, callArg, cArg, pArg, rArg int32, errArg, eArg, implArg, sArg string) (int32, string, string, Service, error) {
	return ctxArg + callArg + cArg + pArg + rArg, errArg, eArg + implArg + sArg, s, nil
}

func (s *service) Add(_ context.Context, a, b int32) (int32, string, string, error) {
	return a + b, "a", "b", nil
}

func (s *service) StartAdd(context.Context) error { return nil }

func (s *service) String(_ context.Context, stringArg string, int32Arg int32, nilArg, errorArg string, lenArg string, byteArg []byte) (string, bool, error) {
	return stringArg + nilArg + errorArg + lenArg + string(byteArg), int32Arg == 7, nil
}

func (s *service) Error(context.Context) (string, error) { return "e", nil }

func (s *service) Mprt(_ context.Context, _, _, _ string, mathArg float64, _, _ string) (float64, error) {
	return mathArg, nil
}

func (s *service) Interface(_ context.Context, i Service, e Enum) (Service, error) {
	if e != Enum_Nil {
		return nil, errors.New("wrong enum")
	}
	return i, nil
}

func (s *service) Raise(_ context.Context, f *Failure) (string, error) {
	if f == nil {
		return "none", nil
	}
	return "", f
}

func TestService(t *testing.T) {
	ctx := context.Background()
	impl := &service{}
	c := NewServiceClient(peer.Connect(t, NewServiceServer_(impl)))
	if err := c.Close_(ctx); err == nil {
		t.Error("a method with a context worked without a thread map")
	}
	if x, a, b, err := c.Add(ctx, 1, 2); x != 3 || a != "a" || b != "b" || err != nil {
		t.Error(x, a, b, err)
	}
	if err := c.StartAdd(ctx); err != nil {
		t.Error(err)
	}
	if x, a, b, err := c.StartAdd_(ctx, 1, 2).Wait(); x != 3 || a != "a" || b != "b" || err != nil {
		t.Error(x, a, b, err)
	}
	if s, ok, err := c.String(ctx, "a", 7, "b", "c", "d", []byte("e")); s != "abcde" || !ok || err != nil {
		t.Error(s, ok, err)
	}
	if s, err := c.Error(ctx); s != "e" || err != nil {
		t.Error(s, err)
	}
	if x, err := c.Mprt(ctx, "", "", "", 1.5, "", ""); x != 1.5 || err != nil {
		t.Error(x, err)
	}
	mine := &service{}
	if s, err := c.Interface(ctx, mine, Enum_Nil); s != Service(mine) || err != nil {
		t.Error("an object that came home is", s, err)
	}
	_, err := c.Raise(ctx, &Failure{Error_: "oops", String_: "s"})
	var f *Failure
	if !errors.As(err, &f) || f.String_ != "s" || f.Error() != "oops" {
		t.Error(err)
	}
	if s, err := c.Raise(ctx, nil); s != "none" || err != nil {
		t.Error(s, err)
	}
	if s, err := c.Client_(ctx); err != nil {
		t.Error(err)
	} else if s, err := s.Error(ctx); s != "e" || err != nil {
		t.Error(s, err)
	}
	if got, err := c.Capability_(ctx, mprt.Capability{}); !got.IsNull() || err != nil {
		t.Error(got, err)
	}
}

func TestStructs(t *testing.T) {
	g := &Generated{String_: "s", LogValue_: "l", Error: "e", CapnpSize_: 1, MarshalCapnp_: "m", UnmarshalCapnp_: "u", Which_: 3,
		Which: Generated_Which_B, B: "b"}
	k := &Keywords{Break: 1, Case: "c", Func: []int32{2}, Interface: true, Map: []byte{3}, Range: &Keywords{}, Type: "t", Var: 4}
	p := &Groups{Part: Groups_Part_{A: 1, B: &Groups_Part{V: 2}}}
	for _, v := range []struct{ in, out mprt.Struct }{{g, &Generated{}}, {k, &Keywords{}}, {p, &Groups{}}} {
		msg, err := mprt.Marshal(v.in)
		if err != nil {
			t.Fatal(err)
		}
		if err := mprt.Unmarshal(msg, v.out); err != nil {
			t.Fatal(err)
		}
		if !mprt.Equal(v.in, v.out) {
			t.Errorf("sent %v, received %v", v.in, v.out)
		}
	}
	if String != "a constant" || Error != 1 {
		t.Error(String, Error)
	}
}
