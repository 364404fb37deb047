package rpctext_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"capnproto.org/go/capnp/v3"
	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/rpctext"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// build makes a message of what f puts into it.
func build(f func(rpccp.Message)) *capnp.Message {
	msg, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	check(err)
	f(must(rpccp.NewRootMessage(seg)))
	return msg
}

func TestString(t *testing.T) {
	names := func(id uint64, method uint16) string {
		if id == 0xf00 && method == 1 {
			return "Foo.bar"
		}
		return ""
	}
	for _, test := range []struct {
		want string
		make func(rpccp.Message)
	}{
		{"bootstrap #3", func(m rpccp.Message) { must(m.NewBootstrap()).SetQuestionId(3) }},
		{`abort disconnected "Peer disconnected."`, func(m rpccp.Message) {
			e := must(m.NewAbort())
			e.SetType(rpccp.Exception_Type_disconnected)
			check(e.SetReason("Peer disconnected."))
		}},
		{"unimplemented bootstrap #7", func(m rpccp.Message) {
			must(must(m.NewUnimplemented()).NewBootstrap()).SetQuestionId(7)
		}},
		{"call #4 import 9 Foo.bar null", func(m rpccp.Message) {
			c := must(m.NewCall())
			c.SetQuestionId(4)
			must(c.NewTarget()).SetImportedCap(9)
			c.SetInterfaceId(0xf00)
			c.SetMethodId(1)
			must(c.NewParams())
		}},
		{
			`call #4 answer #2.0.5.noop 0xf00.2 sendResultsTo=yourself caps [senderHosted 1, senderPromise 2, receiverHosted 3, ` +
				`receiverAnswer #4.1, thirdPartyHosted vine 5, none] (0x200000001 "Hällo" null 3:00ff10 <1>)`,
			func(m rpccp.Message) {
				c := must(m.NewCall())
				c.SetQuestionId(4)
				c.SetInterfaceId(0xf00)
				c.SetMethodId(2)
				answer := must(must(c.NewTarget()).NewPromisedAnswer())
				answer.SetQuestionId(2)
				ops := must(answer.NewTransform(3))
				ops.At(0).SetGetPointerField(0)
				ops.At(1).SetGetPointerField(5)
				ops.At(2).SetNoop()
				c.SendResultsTo().SetYourself()
				params := must(c.NewParams())
				caps := must(params.NewCapTable(6))
				caps.At(0).SetSenderHosted(1)
				caps.At(1).SetSenderPromise(2)
				caps.At(2).SetReceiverHosted(3)
				promised := must(caps.At(3).NewReceiverAnswer())
				promised.SetQuestionId(4)
				must(promised.NewTransform(1)).At(0).SetGetPointerField(1)
				must(caps.At(4).NewThirdPartyHosted()).SetVineId(5)
				s := must(capnp.NewStruct(m.Segment(), capnp.ObjectSize{DataSize: 8, PointerCount: 4}))
				s.SetUint32(0, 1)
				s.SetUint32(4, 2)
				check(s.SetText(0, "Hällo"))
				check(s.SetData(2, []byte{0, 0xff, 0x10}))
				check(s.SetPtr(3, capnp.NewInterface(m.Segment(), 1).ToPtr()))
				check(params.SetContent(s.ToPtr()))
			},
		},
		{"return #4 releaseParamCaps=false noFinishNeeded ([1 2 65535] [101] [4×()] [\"a\" []] [(0x1 \"x\") (0x0 null)] [5000000000])", func(m rpccp.Message) {
			r := must(m.NewReturn())
			r.SetAnswerId(4)
			r.SetReleaseParamCaps(false)
			r.SetNoFinishNeeded(true)
			s := must(capnp.NewStruct(m.Segment(), capnp.ObjectSize{PointerCount: 6}))
			numbers := must(capnp.NewUInt16List(m.Segment(), 3))
			numbers.Set(0, 1)
			numbers.Set(1, 2)
			numbers.Set(2, 65535)
			check(s.SetPtr(0, numbers.ToPtr()))
			bits := must(capnp.NewBitList(m.Segment(), 3))
			bits.Set(0, true)
			bits.Set(2, true)
			check(s.SetPtr(1, bits.ToPtr()))
			check(s.SetPtr(2, capnp.NewVoidList(m.Segment(), 4).ToPtr()))
			pointers := must(capnp.NewPointerList(m.Segment(), 2))
			check(pointers.Set(0, must(capnp.NewText(m.Segment(), "a")).ToPtr()))
			check(pointers.Set(1, must(capnp.NewData(m.Segment(), nil)).ToPtr()))
			check(s.SetPtr(3, pointers.ToPtr()))
			structs := must(capnp.NewCompositeList(m.Segment(), capnp.ObjectSize{DataSize: 8, PointerCount: 1}, 2))
			structs.Struct(0).SetUint64(0, 1)
			check(structs.Struct(0).SetText(0, "x"))
			check(s.SetPtr(4, structs.ToPtr()))
			words := must(capnp.NewUInt64List(m.Segment(), 1))
			words.Set(0, 5000000000)
			check(s.SetPtr(5, words.ToPtr()))
			check(must(r.NewResults()).SetContent(s.ToPtr()))
		}},
		{`return #5 exception overloaded "a\nb"`, func(m rpccp.Message) {
			r := must(m.NewReturn())
			r.SetAnswerId(5)
			e := must(r.NewException())
			e.SetType(rpccp.Exception_Type_overloaded)
			check(e.SetReason("a\nb"))
		}},
		{"return #5 resultsSentElsewhere", func(m rpccp.Message) {
			r := must(m.NewReturn())
			r.SetAnswerId(5)
			r.SetResultsSentElsewhere()
		}},
		{"return #5 canceled", func(m rpccp.Message) {
			r := must(m.NewReturn())
			r.SetAnswerId(5)
			r.SetCanceled()
		}},
		{"return #5 takeFromOtherQuestion #6", func(m rpccp.Message) {
			r := must(m.NewReturn())
			r.SetAnswerId(5)
			r.SetTakeFromOtherQuestion(6)
		}},
		{"finish #8", func(m rpccp.Message) { must(m.NewFinish()).SetQuestionId(8) }},
		{"finish #8 releaseResultCaps=false", func(m rpccp.Message) {
			f := must(m.NewFinish())
			f.SetQuestionId(8)
			f.SetReleaseResultCaps(false)
		}},
		{"resolve 3 to receiverHosted 2", func(m rpccp.Message) {
			r := must(m.NewResolve())
			r.SetPromiseId(3)
			must(r.NewCap()).SetReceiverHosted(2)
		}},
		{`resolve 3 exception failed "broken"`, func(m rpccp.Message) {
			r := must(m.NewResolve())
			r.SetPromiseId(3)
			check(must(r.NewException()).SetReason("broken"))
		}},
		{"release 3 ×2", func(m rpccp.Message) {
			r := must(m.NewRelease())
			r.SetId(3)
			r.SetReferenceCount(2)
		}},
		{"disembargo answer #3 senderLoopback 1", func(m rpccp.Message) {
			d := must(m.NewDisembargo())
			must(must(d.NewTarget()).NewPromisedAnswer()).SetQuestionId(3)
			d.Context().SetSenderLoopback(1)
		}},
		{"disembargo import 3 receiverLoopback 1", func(m rpccp.Message) {
			d := must(m.NewDisembargo())
			must(d.NewTarget()).SetImportedCap(3)
			d.Context().SetReceiverLoopback(1)
		}},
		{"provide #1 no target", func(m rpccp.Message) { must(m.NewProvide()).SetQuestionId(1) }},
		{"accept #1", func(m rpccp.Message) { must(m.NewAccept()).SetQuestionId(1) }},
		{"join #1 no target", func(m rpccp.Message) { must(m.NewJoin()).SetQuestionId(1) }},
	} {
		msg := build(test.make)
		if got := rpctext.String(msg, rpctext.Options{Method: names}); got != test.want {
			t.Errorf("got\n  %s\nwant\n  %s", got, test.want)
		}
	}
}

// A line has at most the bytes it may have and stays text wherever it is cut.
func TestCut(t *testing.T) {
	msg := build(func(m rpccp.Message) { check(must(m.NewAbort()).SetReason(strings.Repeat("aäあ", 1000))) })
	whole := rpctext.String(msg, rpctext.Options{MaxChars: 1 << 20})
	if strings.Contains(whole, "…") {
		t.Fatal("cut although it fits")
	}
	for n := 1; n < 300; n++ {
		got := rpctext.String(msg, rpctext.Options{MaxChars: n})
		if len(got) > max(n, len("…")) || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") || !strings.HasPrefix(whole, strings.TrimSuffix(got, "…")) {
			t.Fatalf("MaxChars %d: %q", n, got)
		}
	}
	if got := len(rpctext.String(msg, rpctext.Options{})); got > rpctext.DefaultMaxChars || got < rpctext.DefaultMaxChars-len("あ") {
		t.Errorf("%d bytes by default", got)
	}
	if got := rpctext.String(msg, rpctext.Options{MaxChars: len(whole)}); got != whole {
		t.Errorf("cut to its own length: %q", got)
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	msg := build(func(m rpccp.Message) { must(m.NewFinish()).SetQuestionId(8) })
	if got := string(rpctext.Append([]byte("C→S "), msg, rpctext.Options{})); got != "C→S finish #8" {
		t.Errorf("got %q", got)
	}
}

// Printing must leave the reader its whole traversal limit.
func TestTraversalLimitIsLeft(t *testing.T) {
	msg := build(func(m rpccp.Message) { check(must(m.NewAbort()).SetReason(strings.Repeat("x", 1000))) })
	msg.ResetReadLimit(1200)
	for range 10 {
		rpctext.String(msg, rpctext.Options{})
	}
	root := must(rpccp.ReadRootMessage(msg))
	if reason := must(must(root.Abort()).Reason()); len(reason) != 1000 {
		t.Errorf("%d bytes", len(reason))
	}
}

func TestMalformed(t *testing.T) {
	zeroSized := build(func(m rpccp.Message) { // a list of 2^29-1 structs of no size
		c := must(must(m.NewCall()).NewParams())
		l := must(capnp.NewCompositeList(m.Segment(), capnp.ObjectSize{}, 1<<29-1))
		check(c.SetContent(l.ToPtr()))
	})
	deep := build(func(m rpccp.Message) {
		for range 100 {
			m = must(m.NewUnimplemented())
		}
	})
	for _, test := range []struct {
		name string
		msg  *capnp.Message
		want string
	}{
		{"empty", &capnp.Message{Arena: capnp.MultiSegment([][]byte{})}, "!("},
		{"null root", &capnp.Message{Arena: capnp.SingleSegment(make([]byte, 8))}, "!(no root)"},
		{"list as root", &capnp.Message{Arena: capnp.SingleSegment([]byte{1, 0, 0, 0, 0, 0, 0, 0})}, "!("},
		{"root out of bounds", &capnp.Message{Arena: capnp.SingleSegment([]byte{0, 1, 0, 0, 1, 0, 1, 0})}, "!("},
		{"segments", &capnp.Message{Arena: capnp.MultiSegment(make([][]byte, 600))}, "too many segments: 600"},
		{"zero-sized structs", zeroSized, "[536870911×()]"},
		{"nested", deep, "unimplemented unimplemented unimplemented unimplemented unimplemented …"},
	} {
		if got := rpctext.String(test.msg, rpctext.Options{}); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzString(f *testing.F) {
	f.Add(must(build(func(m rpccp.Message) {
		c := must(m.NewCall())
		must(must(c.NewTarget()).NewPromisedAnswer()).SetQuestionId(1)
		p := must(c.NewParams())
		must(p.NewCapTable(2)).At(0).SetSenderHosted(1)
		s := must(capnp.NewStruct(m.Segment(), capnp.ObjectSize{DataSize: 8, PointerCount: 3}))
		check(s.SetText(0, "text"))
		check(s.SetPtr(1, must(capnp.NewBitList(m.Segment(), 9)).ToPtr()))
		check(p.SetContent(s.ToPtr()))
	}).Marshal()), 200)
	f.Fuzz(func(t *testing.T, frame []byte, limit int) {
		msg, err := capnp.Unmarshal(frame)
		if err != nil {
			return
		}
		limit = min(max(limit, 1), 10000)
		got := rpctext.String(msg, rpctext.Options{MaxChars: limit})
		if len(got) > max(limit, len("…")) || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r") || got == "" {
			t.Fatalf("%q", got)
		}
	})
}
