package generic_brand

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
)

// store is a Store of any types.
type store[K comparable, V comparable] map[K]V

func (s store[K, V]) Get(_ context.Context, key K) (V, error) { return s[key], nil }

func (s store[K, V]) All(context.Context) ([]Pair[K, V], error) {
	var all []Pair[K, V]
	for k, v := range s {
		all = append(all, Pair[K, V]{k, v})
	}
	return all, nil
}

func (s store[K, V]) Swap(context.Context) (Store[V, K], error) {
	swapped := store[V, K]{}
	for k, v := range s {
		swapped[v] = k
	}
	return swapped, nil
}

func (s store[K, V]) Any(_ context.Context, v mprt.AnyPointer) (mprt.AnyPointer, error) {
	return v, nil
}

type textStore struct{ store[string, *Coin] }

func (s textStore) Count(context.Context) (uint32, error) { return uint32(len(s.store)), nil }

type wallet struct {
	UnimplementedWallet
	store textStore
}

var coins = []Pair[[]byte, []Pair[[]byte, *Coin]]{
	{Key: []byte{1}, Value: []Pair[[]byte, *Coin]{{Key: []byte{2}, Value: &Coin{Amount: 3}}, {Key: nil, Value: nil}}},
	{Key: []byte{}, Value: nil},
}

func (w wallet) GetCoins(context.Context) ([]Pair[[]byte, []Pair[[]byte, *Coin]], error) {
	return coins, nil
}

func (w wallet) GetResult(_ context.Context, p *Pair[string, *Coin]) (*Result[*Coin], error) {
	if p.Key == "" {
		return &Result[*Coin]{Which: Result_Which_Error, Error: "no key"}, nil
	}
	return &Result[*Coin]{Value: p.Value}, nil
}

func (w wallet) Open(context.Context) (Store[string, *Coin], TextStore, error) {
	return w.store.store, w.store, nil
}

func TestWallet(t *testing.T) {
	ctx := context.Background()
	one := &Coin{Amount: 1}
	c := NewWalletClient(peer.Connect(t, NewWalletServer(wallet{store: textStore{store[string, *Coin]{"one": one}}})))
	s, texts, err := c.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Store[string, *Coin]{s, texts} {
		if v, err := s.Get(ctx, "one"); err != nil || !mprt.Equal(v, one) {
			t.Error(v, err)
		}
		if v, err := s.Get(ctx, "two"); err != nil || v != nil {
			t.Error(v, err)
		}
		all, err := s.All(ctx)
		if err != nil || !mprt.Equal(all, []Pair[string, *Coin]{{"one", one}}) {
			t.Error(all, err)
		}
		swapped, err := s.Swap(ctx)
		if err != nil {
			t.Fatal(err)
		}
		names, err := swapped.All(ctx)
		if err != nil || !mprt.Equal(names, []Pair[*Coin, string]{{one, "one"}}) {
			t.Error(names, err)
		}
	}
	in, err := mprt.AnyPointerTo([]string{"a", "b"}, mprt.Lists[string]{Elem: mprt.Texts{}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := s.Any(ctx, in); err != nil || !mprt.Equal(in, out) {
		t.Error(out, err)
	}
}

func TestPipeline(t *testing.T) {
	ctx := context.Background()
	one := &Coin{Amount: 1}
	c := NewWalletClient(peer.Connect(t, NewWalletServer(wallet{store: textStore{store[string, *Coin]{"one": one}}})))
	open := c.StartOpen(ctx)
	get := open.Store().StartGet(ctx, "one")
	swapped := open.Texts().StartSwap(ctx)
	all := swapped.Store().StartAll(ctx)
	if v, err := get.Wait(); err != nil || !mprt.Equal(v, one) {
		t.Error(v, err)
	}
	if v, err := all.Wait(); err != nil || !mprt.Equal(v, []Pair[*Coin, string]{{one, "one"}}) {
		t.Error(v, err)
	}
	early := open.Store()
	s, texts, err := open.Wait()
	if err != nil || s != Store[string, *Coin](early) || texts == nil {
		t.Error(s, texts, err)
	}
	if v, err := s.Get(ctx, "one"); err != nil || !mprt.Equal(v, one) {
		t.Error(v, err)
	}
	if _, _, err := open.Wait(); err == nil {
		t.Error("waited twice for one call")
	}
	swapped.Finish()
}

func TestStructs(t *testing.T) {
	tree := &Tree[string]{Value: "v", Left: &Tree[string]{}, Texts: &Tree[string]{Value: "t"}, Children: []Tree[string]{{Value: "c"}},
		Branch: &Tree_Branch[string, []byte]{T: "t", U: []byte{1}, Group: Tree_Branch_Group[string, []byte]{Tree: &Tree[[]byte]{Value: []byte{2}}}}}
	unbound, err := mprt.AnyPointerTo("any", mprt.Texts{})
	if err != nil {
		t.Fatal(err)
	}
	// Inside of it there would be infinitely many types, so what is there has none.
	nest := &Nest[string]{V: "v", Same: &Nest[string]{V: "s"}, Inner: &Nest[mprt.AnyPointer]{V: unbound}}
	in := &User{Nest: nest, Coins: coins, Result: &Result[*Coin]{Value: &Coin{Amount: 5}}, Tree: tree, CoinTree: &Tree[*Coin]{Value: &Coin{Amount: 6}},
		Branch: &Tree_Branch[*Coin, []uint8]{U: []uint8{1, 2}}, Unbound: &Tree[mprt.AnyPointer]{Value: unbound},
		ByName: []Pair[string, []string]{{"a", []string{"b"}}, {}}}
	msg, err := mprt.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	out := &User{}
	if err := mprt.Unmarshal(msg, out); err != nil {
		t.Fatal(err)
	}
	if !mprt.Equal(in, out) {
		t.Errorf("sent %v\nreceived %v", in, out)
	}
}

type version struct {
	UnimplementedVersion
	n      uint32
	closed chan struct{}
}

func (v version) Number(context.Context) (uint32, error) { return v.n, nil }

func (v version) Compare(ctx context.Context, other Version) (int32, error) {
	n, err := other.Number(ctx)
	return int32(v.n) - int32(n), err
}

func (v version) Close() error {
	close(v.closed)
	return nil
}

type ordered struct {
	UnimplementedOrdered[string]
	v string
}

func (o ordered) Value(context.Context) (string, error) { return o.v, nil }

func (o ordered) Compare(ctx context.Context, other Ordered[string]) (int32, error) {
	v, err := other.Value(ctx)
	return int32(strings.Compare(o.v, v)), err
}

type versions struct{ closed chan struct{} }

func (v versions) First(context.Context) (Version, Ordered[string], error) {
	return version{n: 7, closed: v.closed}, ordered{v: "m"}, nil
}

// TestItsOwnArgument calls interfaces that extend a generic one of which they
// are the argument.
func TestItsOwnArgument(t *testing.T) {
	ctx := context.Background()
	closed := make(chan struct{})
	c := NewVersionsClient(peer.Connect(t, NewVersionsServer(versions{closed})))
	v, o, err := c.First(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := v.Compare(ctx, version{n: 5, closed: make(chan struct{})}); n != 2 || err != nil {
		t.Error(n, err)
	}
	if n, err := o.Compare(ctx, ordered{v: "z"}); n != -1 || err != nil {
		t.Error(n, err)
	}
	// The method that destroys is the base's.
	if err := v.(*VersionClient).Close(); err != nil {
		t.Error(err)
	}
	<-closed
}

func TestValues(t *testing.T) {
	want := []Grouped[[]byte]{{Value: []byte("d"), Group: Grouped_Group[[]byte]{Number: 5}},
		{Group: Grouped_Group[[]byte]{Inner: Grouped_Group_Inner[[]byte]{Text: "i"}}}}
	if len(GroupedList) != 2 || !mprt.Equal(GroupedList, want) {
		t.Error(GroupedList)
	}
	texts := NewGrouped[*Coin]().Texts
	if texts == nil || texts.Group.Number != 3 || texts.Group.Inner.Text != "t" {
		t.Error(texts)
	}
}

type coinFinder struct{}

func (coinFinder) Find(_ context.Context, key **Coin) (**Coin, [][]Finder[[]byte], error) {
	others := [][]Finder[[]byte]{nil, {UnimplementedFinder[[]byte]{}}}
	if key == nil {
		return nil, others, nil
	}
	return key, nil, nil
}

// TestOptionalOfParam leaves out, or not, what is of a type parameter: where
// that is bound the methods are those of the generic interface.
func TestOptionalOfParam(t *testing.T) {
	ctx := context.Background()
	var finder Finder[*Coin] = NewCoinFinderClient(peer.Connect(t, NewCoinFinderServer(coinFinder{})))
	got, others, err := finder.Find(ctx, nil)
	if err != nil || got != nil || len(others) != 2 || len(others[1]) != 1 {
		t.Fatal(got, others, err)
	}
	if _, _, err := others[1][0].Find(ctx, nil); !errors.Is(err, mprt.ErrUnimplemented) {
		t.Error(err)
	}
	var null *Coin
	for _, key := range []*Coin{{Amount: 3}, null} {
		if got, _, err := finder.Find(ctx, &key); err != nil || got == nil || !mprt.Equal(*got, key) {
			t.Error(got, err)
		}
	}
}
