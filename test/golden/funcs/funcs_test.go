package funcs

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
)

// TestMaker passes functions in and out of functions. (Its methods have no
// context: a peer runs them on the connection's own loop.)
func TestMaker(t *testing.T) {
	ctx := context.Background()
	var maker Maker
	maker = func(_ context.Context, next Maker, plain Plain) (Maker, []string, error) {
		switch {
		case plain == nil && next == nil:
			return nil, nil, errors.New("nothing")
		case next == nil:
			return maker, []string{"plain"}, nil
		}
		return next, []string{"next"}, nil
	}
	c := NewMakerClient(peer.Connect(t, NewMakerServer(maker)))
	_, _, err := c.Invoke(ctx, nil, nil)
	var text *mprt.Exception[string]
	if !errors.As(err, &text) || text.Value != "nothing" {
		t.Error(err)
	}
	called := 0
	mine := Maker(func(context.Context, Maker, Plain) (Maker, []string, error) {
		called++
		return nil, []string{fmt.Sprint("mine ", called)}, nil
	})
	back, names, err := c.Invoke(ctx, mine, nil)
	if err != nil || len(names) != 1 || names[0] != "next" {
		t.Fatal(names, err)
	}
	if _, names, err := back(ctx, nil, nil); err != nil || names[0] != "mine 1" || called != 1 {
		t.Error("a function that came home returns", names, err)
	}
	theirs, _, err := c.Invoke(ctx, nil, func(context.Context) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := theirs(ctx, nil, nil); !errors.As(err, &text) {
		t.Error(err)
	}
}
