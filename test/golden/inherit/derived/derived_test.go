package derived

import (
	"context"
	"errors"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/golden/inherit/base"
	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
)

type object struct{ UnimplementedDiamond }

func (object) Name_(context.Context) (string, error) { return "own", nil }
func (object) Name(context.Context) (string, error)  { return "base", nil }
func (o object) Right(context.Context) (string, *base.Holder, error) {
	return "right", &base.Holder{Base: o, Bases: []base.Base{o, nil}}, nil
}
func (o object) Other(_ context.Context, arg base.Base) (base.Base, error) { return arg, nil }
func (object) Last(context.Context) error                                  { return nil }

func (object) Box(_ context.Context, box *base.Box[string], boxes []base.Box[Diamond]) (*base.Box[*base.Box[string]], error) {
	if len(boxes) != 2 || boxes[1].Value != nil {
		return nil, nil
	}
	return &base.Box[*base.Box[string]]{Value: box}, nil
}

func (object) Fail(_ context.Context, code int32) error {
	return mprt.NewException(&base.Trouble{Code: code})
}

func TestDiamond(t *testing.T) {
	ctx := context.Background()
	var c Diamond = NewDiamondClient(peer.Connect(t, NewDiamondServer(object{})))
	if s, err := c.Name_(ctx); s != "own" || err != nil {
		t.Error(s, err)
	}
	// Methods of the bases, by the derived interface and by their own.
	if s, h, err := c.Right(ctx); s != "right" || err != nil {
		t.Error(s, err)
	} else if _, ok := h.Base.(*base.BaseClient); !ok || len(h.Bases) != 2 || h.Bases[1] != nil {
		t.Errorf("holder is %v", h)
	}
	var left Left = c
	if err := c.Last(ctx); err != nil {
		t.Error(err)
	}
	if _, err := left.Name(ctx); err == nil {
		t.Error("a method with a context worked without a thread map")
	}
	mine := object{}
	if back, err := c.Other(ctx, mine); back != base.Base(mine) || err != nil {
		t.Error(back, err)
	}
	box, err := c.Box(ctx, &base.Box[string]{Value: "v"}, []base.Box[Diamond]{{Value: mine}, {}})
	if err != nil || box == nil || box.Value.Value != "v" {
		t.Error(box, err)
	}
	var trouble *mprt.Exception[*base.Trouble]
	if err := c.Fail(ctx, 5); !errors.As(err, &trouble) || trouble.Value.Code != 5 {
		t.Error(err)
	}
	var _ base.Base = left
	var _ base.Other = c
}
