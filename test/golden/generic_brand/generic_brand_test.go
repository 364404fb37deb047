package generic_brand

import (
	"context"
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
