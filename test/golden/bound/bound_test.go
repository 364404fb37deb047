package bound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
)

// calc is an implementation that knows nothing of processes.
type calc struct{ waited time.Duration }

func (c *calc) Sum(v ...int) int {
	sum := 0
	for _, x := range v {
		sum += x
	}
	return sum
}

func (c *calc) Wait(_ context.Context, d time.Duration) { c.waited = d }

func (c *calc) Div(b, a int64) (int, Celsius, error) {
	if b == 0 {
		return 0, 0, errors.New("division by zero")
	}
	return int(a % b), Celsius(a / b), nil
}

func (c *calc) On(ctx context.Context, f Handler) int { return f(ctx, 1) + f(ctx, 2) }

func (c *calc) Shape(p Pt) (*Pt, error) {
	p.X++
	return &p, nil
}

func (c *calc) Raw(_ context.Context, raw *Checked) (*Checked, error) { return raw, nil }

func (c *calc) Words(_ context.Context, f []float64, w ...Name) ([]Name, []float32) {
	return append(w, "end"), []float32{float32(f[0])}
}

func (c *calc) Reset() {}

func (c *calc) Describe(string, ...int) (string, error) { return "calc", nil }

// use is a program's own code, which takes the interface that it always did.
func use(t *testing.T, c Calc) {
	ctx := context.Background()
	if sum := c.Sum(1, 2, 3); sum != 6 {
		t.Error("sum", sum)
	}
	if sum := c.Sum(); sum != 0 {
		t.Error("sum of nothing", sum)
	}
	c.Wait(ctx, time.Minute)
	if rest, q, err := c.Div(3, 7); rest != 1 || q != 2 || err != nil {
		t.Error(rest, q, err)
	}
	if _, _, err := c.Div(0, 7); err == nil {
		t.Error("no error")
	}
	if x := c.On(ctx, func(_ context.Context, x int) int { return 10 * x }); x != 30 {
		t.Error(x)
	}
	if words, f := c.Words(ctx, []float64{0.5}, "a"); !slices.Equal(words, []Name{"a", "end"}) || !slices.Equal(f, []float32{0.5}) {
		t.Error(words, f)
	}
	opt, limit := uint64(9), time.Unix(2e9, 0).UTC()
	in := Pt{X: 1, Base: Base{1.5}, Name: "n", Tags: []Name{"a", "b"}, Ids: []int{1, 65535}, Opt: &opt, Inner: &In{"x"}, InnerValue: In{"y"},
		Ok: true, Data: []byte{1}, Pause: time.Second, Ratios: []float32{0.5}, List: []In{{"z"}}, Deadline: time.Unix(1e9, 0).UTC(), Limit: &limit, Hash: &[4]byte{1, 2}, Word: new(Name), Place: Place{Street: "s"}}
	in.Place.At.X, in.Place.At.Time = -7, &limit
	out, err := c.Shape(in)
	if err != nil {
		t.Fatal(err)
	}
	in.X = 2
	if !reflect.DeepEqual(in, *out) {
		t.Errorf("sent     %+v\nreceived %+v", in, *out)
	}
	if raw, err := c.Raw(ctx, &Checked{[]byte("abc")}); err != nil || string(raw.Payload) != "abc" {
		t.Error(raw, err)
	}
}

func TestWrap(t *testing.T) {
	use(t, &calc{})
	impl := &calc{}
	c := NewCalculatorClient(peer.Connect(t, NewCalculatorServer(impl)))
	use(t, c)
	if impl.waited != time.Minute {
		t.Error("waited", impl.waited)
	}
}

func TestAbsent(t *testing.T) {
	c := NewCalculatorClient(peer.Connect(t, NewCalculatorServer(&calc{})))
	if _, err := c.Describe("a", 1); !errors.Is(err, mprt.ErrUnimplemented) {
		t.Error(err)
	}
	if err := panicOf(c.Reset); !errors.Is(err, mprt.ErrUnimplemented) {
		t.Error(err)
	}
}

// panicOf returns what a function panics with.
func panicOf(f func()) (err *mprt.PanicError) {
	defer func() { err, _ = recover().(*mprt.PanicError) }()
	f()
	return nil
}

func TestNoError(t *testing.T) {
	conn := peer.Dial(t, NewCalculatorServer(&calc{}))
	c := NewCalculatorClient(conn.Bootstrap())
	if sum := c.Sum(1); sum != 1 {
		t.Error(sum)
	}
	var out *mprt.RangeError
	if err := panicOf(func() { c.Sum(1 << 40) }); !errors.As(err, &out) {
		t.Error(err)
	}
	if err := panicOf(func() { c.Sum(1<<31-1, 1) }); err == nil {
		t.Error("a result out of range was cut")
	}
	conn.Close()
	if err := panicOf(func() { c.Sum(1) }); !errors.Is(err, mprt.ErrDisconnected) || !strings.Contains(err.Error(), "Calculator.sum") {
		t.Error(err)
	}
}

func TestValues(t *testing.T) {
	link, err := url.Parse("https://example.com/a?b=c")
	if err != nil {
		t.Fatal(err)
	}
	note := "note"
	pause := time.Hour
	full := &Values{Timeout: time.Second, Count: 65535, Addr: netip.MustParseAddr("10.0.0.1"), Big: big.NewInt(1 << 60), Hash: [32]byte{1, 31: 2},
		When: time.Unix(1e9, 5).UTC(), Ratio: 0.25, Raw: json.RawMessage("{}"), Link: link, Pause: &pause, Key: &[4]byte{1, 2, 3, 4}, Color: 1,
		Offset: -128, Note: &note, ByName: map[string]Color{"a": Color_Green, "": 7}, Value: Entry{Name: "e"},
		Colors: map[Color]struct{}{Color_Red: {}, 9: {}}, Words: map[string]struct{}{"x": {}, "": {}}, Small: []int{-128, 127}, Other: true, Level: 3, Wait: 250 * time.Microsecond}
	for _, in := range []*Values{full, {Words: map[string]struct{}{}, Small: []int{}, When: time.Time{}}} {
		msg, err := mprt.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		out := &Values{}
		if err := mprt.Unmarshal(msg, out); err != nil {
			t.Fatal(err)
		}
		if in.Link == nil {
			in.Link = &url.URL{} // of an empty text
		}
		if !mprt.Equal(in, out) {
			t.Errorf("sent     %v\nreceived %v", in, out)
		}
	}
	if v := NewValues(); v.Offset != -5 || v.Wait != 1500*time.Microsecond {
		t.Error("defaults", v.Offset, v.Wait)
	}
}

// TestTags sends a struct whose fields are found by their tags.
func TestTags(t *testing.T) {
	in := Measured{Serial: 7, Bounds: Range{From: 0.5, To: 2}, Remark: Remark{"n"}, At: time.Second}
	holder := Samples{All: []Measured{in, {}}}
	msg, err := mprt.Marshal(&holder)
	if err != nil {
		t.Fatal(err)
	}
	var out Samples
	if err := mprt.Unmarshal(msg, &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(holder, out) {
		t.Errorf("sent     %+v\nreceived %+v", holder, out)
	}
}

// TestRange sends integers that do not fit: an error, never another number.
func TestRange(t *testing.T) {
	for _, v := range []*Values{{Count: 65536}, {Count: -1}, {Color: 1 << 16}, {Offset: 128}, {Small: []int{0, -129}}} {
		var out *mprt.RangeError
		if _, err := mprt.Marshal(v); !errors.As(err, &out) {
			t.Errorf("%v was sent: %v", v, err)
		}
	}
}

// TestMalformed receives what does not fit.
func TestMalformed(t *testing.T) {
	for name, set := range map[string]func(s capnp.Struct) error{
		"addr": func(s capnp.Struct) error { return s.SetText(0, "no address") },
		"hash": func(s capnp.Struct) error { return s.SetData(2, []byte{1}) },
		"when": func(s capnp.Struct) error { return s.SetData(3, []byte{1}) },
		"link": func(s capnp.Struct) error { return s.SetText(5, ":") },
	} {
		_, seg := capnp.NewSingleSegmentMessage(nil)
		s, err := capnp.NewRootStruct(seg, new(Values).CapnpSize())
		if err == nil {
			err = set(s)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := mprt.Unmarshal(seg.Message(), &Values{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type depot struct{}

func (depot) Swap(_ context.Context, crate *Crate[[]byte], byName map[string][]byte) ([]Crate[[]byte], map[string][]byte, error) {
	return []Crate[[]byte]{*crate, {Weight: -1}}, byName, nil
}

// TestGeneric sends generic Go types and generic maps.
func TestGeneric(t *testing.T) {
	spare := ""
	in := &Crates{
		Texts: &Crate[string]{Label: "l", Content: "c", Weight: -5, Next: &Crate[string]{Content: "n"}, Spare: &spare, ByName: map[string]string{"a": "b", "": ""}},
		List:  []Crate[*Entry]{{Content: &Entry{Name: "e"}}, {}},
		Index: &Index[[]byte]{ByName: map[string][]byte{"x": {1}, "nil": nil}, Nested: Index_Nested[[]byte]{Pairs: map[string][]Pair[[]byte, string]{
			"p": {{Key: []byte{2}, Value: "v"}}}}},
	}
	msg, err := mprt.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	out := &Crates{}
	if err := mprt.Unmarshal(msg, out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("sent     %v\nreceived %v", in, out)
	}
	var rangeErr *mprt.RangeError
	if _, err := mprt.Marshal(&Crates{Texts: &Crate[string]{Weight: 1 << 40}}); !errors.As(err, &rangeErr) {
		t.Error("a number that does not fit was sent:", err)
	}

	codec := mprt.Datas{}
	c := NewDepotClient[[]byte](peer.Connect(t, NewDepotServer[[]byte](depot{}, codec)), codec)
	list, byName, err := c.Swap(context.Background(), &Crate[[]byte]{Content: []byte{7}}, map[string][]byte{"k": {8}})
	if err != nil || len(list) != 2 || list[0].Content[0] != 7 || list[1].Weight != -1 || byName["k"][0] != 8 {
		t.Error(list, byName, err)
	}
}

type shop struct{}

func (shop) Lookup(_ context.Context, timeout time.Duration, hash [32]byte) (netip.Addr, error) {
	if timeout != time.Second || hash[0] != 1 {
		return netip.Addr{}, fmt.Errorf("got %v and %x", timeout, hash)
	}
	return netip.MustParseAddr("::1"), nil
}

func (shop) Fail(_ context.Context, code int) error { return fmt.Errorf("wrapped: %w", &Fault{code}) }

func TestShop(t *testing.T) {
	c := NewShopClient(peer.Connect(t, NewShopServer(shop{})))
	if a, err := c.Lookup(context.Background(), time.Second, [32]byte{1}); err != nil || a != netip.IPv6Loopback() {
		t.Error(a, err)
	}
	var fault *Fault
	if err := c.Fail(context.Background(), 3); !errors.As(err, &fault) || fault.Code != 3 {
		t.Error(err)
	}
}

// shape is a Shape as a message.
type shape struct{ *Shape }

func (shape) CapnpSize() capnp.ObjectSize    { return ShapeCodec{}.Size() }
func (s shape) MarshalCapnp(b mprt.Builder)  { ShapeCodec{}.Marshal(b, s.Shape) }
func (s shape) UnmarshalCapnp(r mprt.Reader) { ShapeCodec{}.Unmarshal(r, s.Shape) }

// TestWrapUnion sends an existing struct for one with unions: of each only the
// member that is set.
func TestWrapUnion(t *testing.T) {
	for _, in := range []Shape{
		{},
		{Kind: 1, Radius: 0.5, Label: "l"},
		{Kind: 2, Sides: []int{3, 4}},
		{Kind: 3, Box: struct{ W, H int }{2, -3}},
		{Kind: 4, Inner: &In{"v"}},
		{Kind: 100}, // of a newer schema
	} {
		in.State.Which, in.State.Since = 1, time.Minute
		msg, err := mprt.Marshal(shape{&in})
		if err != nil {
			t.Fatal(err)
		}
		out := Shape{Kind: 9, Radius: 1, Sides: []int{1}, Box: struct{ W, H int }{1, 1}, Inner: &In{}, seen: true}
		if err := mprt.Unmarshal(msg, shape{&out}); err != nil {
			t.Fatal(err)
		}
		in.seen = true
		if !reflect.DeepEqual(in, out) {
			t.Errorf("sent %+v, received %+v", in, out)
		}
	}
	unsent := Shape{Kind: 1, Radius: 1, Sides: []int{3}}
	unsent.State.Since = time.Minute
	msg, err := mprt.Marshal(shape{&unsent})
	if err != nil {
		t.Fatal(err)
	}
	var out Shape
	if err := mprt.Unmarshal(msg, shape{&out}); err != nil || out.Sides != nil || out.State.Since != 0 || out.Radius != 1 {
		t.Error(out, err)
	}
	var outOfRange *mprt.RangeError
	if _, err := mprt.Marshal(shape{&Shape{Kind: -1}}); !errors.As(err, &outOfRange) {
		t.Error(err)
	}
	root, err := msg.Root()
	if err != nil {
		t.Fatal(err)
	}
	for off := range capnp.DataOffset(24) {
		if root.Struct().Uint16(2*off) == 1 { // the member
			root.Struct().SetUint16(2*off, 200)
		}
	}
	if err := mprt.Unmarshal(msg, shape{&out}); !errors.As(err, &outOfRange) {
		t.Error(err)
	}
}

// cache is a Cache.
type cache[Key comparable, Item any] struct{ items map[Key]Item }

func (c cache[Key, Item]) Put(key Key, item Item)                       { c.items[key] = item }
func (c cache[Key, Item]) Get(_ context.Context, key Key) (Item, error) { return c.items[key], nil }
func (c cache[Key, Item]) Len() int                                     { return len(c.items) }

func (c cache[Key, Item]) Last(keys ...Key) (Item, error) { return c.items[keys[len(keys)-1]], nil }

func (c cache[Key, Item]) Pairs(context.Context) (pairs []Pair[Key, Item], err error) {
	for k, v := range c.items {
		pairs = append(pairs, Pair[Key, Item]{k, v})
	}
	return pairs, nil
}

func (c cache[Key, Item]) Visit(f Visitor[Item]) error {
	for _, item := range c.items {
		if !f(context.Background(), item) {
			return errors.New("stopped")
		}
	}
	return nil
}

// namesCache is a Names.
type namesCache struct{ cache[string, *Entry] }

func (n namesCache) Count(context.Context) (int32, error) { return int32(n.Len()), nil }

func (namesCache) Sub(context.Context) (Cache[[]byte, string], error) { return nil, nil }

// TestWrapGeneric calls an existing generic interface in another process, and
// one that extends it.
func TestWrapGeneric(t *testing.T) {
	ctx := context.Background()
	useCache := func(c Cache[string, *Entry]) {
		t.Helper()
		c.Put("k", &Entry{Name: "n"})
		if e, err := c.Get(ctx, "k"); err != nil || e.Name != "n" {
			t.Error(e, err)
		}
		if pairs, err := c.Pairs(ctx); err != nil || len(pairs) != 1 || pairs[0].Key != "k" {
			t.Error(pairs, err)
		}
		visited := ""
		if err := c.Visit(func(_ context.Context, e *Entry) bool { visited = e.Name; return true }); err != nil || visited != "n" {
			t.Error(visited, err)
		}
		if err := c.Visit(func(context.Context, *Entry) bool { return false }); err == nil || !strings.Contains(err.Error(), "stopped") {
			t.Error(err)
		}
	}
	entries := mprt.Pointers[Entry, *Entry]{}
	c := NewCacheClient(peer.Connect(t, NewCacheServer(cache[string, *Entry]{map[string]*Entry{}}, mprt.Texts{}, entries)), mprt.Texts{}, entries)
	useCache(c)
	names := NewNamesClient(peer.Connect(t, NewNamesServer(namesCache{cache[string, *Entry]{map[string]*Entry{}}})))
	useCache(names)
	if n, err := names.Count(ctx); n != 1 || err != nil {
		t.Error(n, err)
	}
	for _, c := range []Cache[string, *Entry]{c, names, UnimplementedNames{}} {
		if _, err := c.Last("k"); !errors.Is(err, mprt.ErrUnimplemented) {
			t.Error(err)
		}
		if err := panicOf(func() { c.Len() }); !errors.Is(err, mprt.ErrUnimplemented) {
			t.Error(err)
		}
	}
}

// TestBoundConstants has constants and defaults of existing Go types.
func TestBoundConstants(t *testing.T) {
	if want := (Shape{Label: "square", Kind: 3, Box: struct{ W, H int }{2, 2}}); !reflect.DeepEqual(*Square, want) {
		t.Errorf("%+v", *Square)
	}
	if len(Raws) != 1 || string(Raws[0].Payload) != "\x01" {
		t.Error(Raws)
	}
	msg, err := mprt.Marshal(&Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	read := &Defaults{}
	if err := mprt.Unmarshal(msg, read); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*Defaults{NewDefaults(), read} {
		if d.Point.X != 3 || d.Point.Y != 1.5 || d.Point.Place.Street != "s" || !slices.Equal(d.List, []In{{"a"}, {"b"}}) || d.Crate.Content != "c" {
			t.Error(d)
		}
	}
}
