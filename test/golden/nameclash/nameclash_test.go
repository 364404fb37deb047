package nameclash

import (
	"context"
	"errors"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
	"github.com/mpgo-dev/mpgo/test/golden/nameclash/printer"
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
	c := NewServiceClient_(peer.Connect(t, NewServiceServer_(impl)))
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

// printing is a printer.PrinterInterface.
type printing struct{}

func (*printing) Print(_ context.Context, text string) (int32, error) { return int32(len(text)), nil }

type more struct{ UnimplementedMore }

func (m *more) Use(_ context.Context, p printer.PrinterInterface, l printer.Level, paper *printer.Paper, all []printer.PrinterInterface) (
	printer.PrinterInterface, printer.PrinterInterface, []printer.Paper, error) {
	return p, all[0], []printer.Paper{*paper, {Sheets: int32(l)}}, nil
}

func (m *more) Walk(_ context.Context, _ string, i Imports) (Imports, error) { return i, nil }

func (m *more) Words(_ context.Context, fmt, vat, time, strings string, iota int32, append string, max, cap int32, copy []byte, _ bool, print string,
	init, main int32, ok bool, i, k, v, n int32, o, out, last string) (int32, bool, int32, int32, int32, string, error) {
	return init + main + iota, ok, i + k, v + n, max + cap, fmt + vat + time + strings + append + string(copy) + print + o + out + last, nil
}

func (m *more) StartUse_(_ context.Context, l printer.Level) (printer.Level, error) { return l, nil }

func (m *more) Add(context.Context) (printer.PrinterInterface, error) { return &printing{}, nil }

func TestImports(t *testing.T) {
	ctx := context.Background()
	c := NewMoreClient(peer.Connect(t, NewMoreServer(&more{})))
	mine := &printing{}
	result, second, papers, err := c.Use(ctx, mine, printer.Level_High, &printer.Paper{Sheets: 5}, []printer.PrinterInterface{mine})
	if err != nil || result != printer.PrinterInterface(mine) || second != result || !mprt.Equal(papers, []printer.Paper{{Sheets: 5}, {Sheets: 1}}) {
		t.Error(result, second, papers, err)
	}
	if i, err := c.Walk(ctx, "", nil); i != nil || err != nil {
		t.Error(i, err)
	}
	a, ok, i, v, max, text, err := c.Words(ctx, "a", "b", "c", "d", 1, "e", 2, 3, []byte("f"), true, "g", 4, 5, true, 6, 7, 8, 9, "h", "i", "j")
	if a != 10 || !ok || i != 13 || v != 17 || max != 5 || text != "abcdefghij" || err != nil {
		t.Error(a, ok, i, v, max, text, err)
	}
	if l, err := c.StartUse_(ctx, printer.Level_High); l != printer.Level_High || err != nil {
		t.Error(l, err)
	}
	add := c.StartAdd(ctx)
	if n, err := add.Level().Print(ctx, "abc"); n != 3 || err != nil {
		t.Error(n, err)
	}
	add.Finish()
	if _, _, _, _, _, _, _, err := c.StartResults(ctx).Wait(); !errors.Is(err, mprt.ErrUnimplemented) {
		t.Error(err)
	}
}

type wallet struct{ UnimplementedWallet }

func (wallet) LoaderCreate(context.Context) (int32, error) { return 1, nil }

func (wallet) Add(_ context.Context, lists [][]string) (int32, error) { return int32(len(lists)), nil }

func (wallet) AddCall(context.Context) (Wallet_Add, error) { return walletAdd{}, nil }

type walletAdd struct{}

func (walletAdd) Ping(context.Context) (int32, error) { return 7, nil }

func TestWallet(t *testing.T) {
	ctx := context.Background()
	c := NewWalletClient(peer.Connect(t, NewWalletServer__(wallet{}))) // the schema has a struct called WalletServer
	if n, err := c.LoaderCreate(ctx); n != 1 || err != nil {
		t.Error(n, err)
	}
	if n, err := c.Add(ctx, [][]string{{"a"}, nil}); n != 2 || err != nil {
		t.Error(n, err)
	}
	call := c.StartAddCall(ctx)
	if n, err := call.Result().Ping(ctx); n != 7 || err != nil {
		t.Error(n, err)
	}
	call.Finish()
	if NewWalletServer_().X != 1 || NewWallet_AddCall().X != 3 || Wallet_Add_ID_ != 1 || Wallet_Add_Ping_ID != 0 {
		t.Error("constructors or ids of other things")
	}
}

type generic struct{}

func (generic) Get(_ context.Context, typeArg string, tCodec string, b *Boxes) ([]byte, string, *Boxes, error) {
	return []byte(typeArg), tCodec, b, nil
}

func (g generic) Type(context.Context) (Generic[string, []byte, *Boxes], error) { return g, nil }

type shop struct{}

func (shop) Trade(_ context.Context, g Generic[string, []byte, *Boxes]) (Generic[string, []byte, *Boxes], error) {
	return g.Type(context.Background())
}

func TestGeneric(t *testing.T) {
	ctx := context.Background()
	c := NewShopClient(peer.Connect(t, NewShopServer(shop{})))
	g, err := c.Trade(ctx, generic{})
	if err != nil {
		t.Fatal(err)
	}
	in := &Boxes{One: &Box[string, []byte]{Size: "s", Marshal: []byte{1}, String_: "x"}, All: []Box[string, []byte]{{Size: "t"}}, Theirs: &printer.Box[string]{Content: "p"}}
	data, text, out, err := g.Get(ctx, "type", "codec", in)
	if string(data) != "type" || text != "codec" || !mprt.Equal(in, out) || err != nil {
		t.Error(data, text, out, err)
	}
	// Once more, over the wire.
	far := NewGenericClient(peer.Connect(t, NewGenericServer(Generic[string, []byte, *Boxes](generic{}), mprt.Texts{}, mprt.Datas{}, mprt.Pointers[Boxes, *Boxes]{})),
		mprt.Texts{}, mprt.Datas{}, mprt.Pointers[Boxes, *Boxes]{})
	data, text, out, err = far.Get(ctx, "type", "codec", in)
	if string(data) != "type" || text != "codec" || !mprt.Equal(in, out) || err != nil {
		t.Error(data, text, out, err)
	}
}

func TestStructs(t *testing.T) {
	g := &Generated{String_: "s", LogValue_: "l", Error: "e", CapnpSize_: 1, MarshalCapnp_: "m", UnmarshalCapnp_: "u", Which_: 3,
		Which: Generated_Which_B, B: "b"}
	k := &Keywords{Break: 1, Case: "c", Func: []int32{2}, Interface: true, Map: []byte{3}, Range: &Keywords{}, Type: "t", Var: 4}
	p := &Groups{Part: Groups_Part_{A: 1, B: &Groups_Part{V: 2}}}
	w := &Which{Which: Which_Which__Which, Which_: Which_Which{A: 1, B: "b"}, Union: Which_Union{X: "x"}, String_: Which_String{Which: Which_String_Which_A, A: "a"}}
	for _, v := range []struct{ in, out mprt.Struct }{{g, &Generated{}}, {k, &Keywords{}}, {p, &Groups{}}, {w, &Which{}}} {
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
