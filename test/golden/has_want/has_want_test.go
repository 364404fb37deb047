package has_want

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
)

type service struct {
	UnimplementedService
	tip      *BlockRef
	streamed []int32
}

func (s *service) GetTip(context.Context) (*BlockRef, error) { return s.tip, nil }

func (s *service) WaitNext(_ context.Context, timeout float64, maxSize uint64, reason string) (bool, error) {
	return timeout == math.MaxFloat64 && maxSize == 7 && reason == "", nil
}

func (s *service) Find(_ context.Context, key string) (bool, int32, []int64, error) {
	return key == "k", 5, []int64{1, 2}, nil
}

func (s *service) Optional(_ context.Context, value *int32, options *Options) (*string, uint8, error) {
	if value == nil {
		return nil, 0, nil
	}
	text := options.String()
	return &text, uint8(*value), nil
}

func (s *service) InOut(_ context.Context, x int32, text string) (string, int32, error) {
	return text + "!", x + 1, nil
}

func (s *service) Fail(_ context.Context, code int32) (string, error) {
	switch code {
	case 0:
		return "fine", nil
	case 1:
		return "", errors.New("not declared")
	}
	return "", &Error{Code: code, Message: "declared"}
}

func (s *service) FailText(context.Context) error { return errors.New("in words") }

func (s *service) Skipped(_ context.Context, a int32) (int32, error) { return -a, nil }

func (s *service) WholeParams(_ context.Context, o *Options) (*Options, error) { return o, nil }

func (s *service) Streamed(_ context.Context, value int32) error {
	s.streamed = append(s.streamed, value)
	return nil
}

func (s *service) Nothing(context.Context) error { return nil }

func (s *service) WholeNothing(context.Context, *Nothing) (*Nothing, error) { return nil, nil }

func TestService(t *testing.T) {
	ctx := context.Background()
	impl := &service{}
	c := NewServiceClient(peer.Connect(t, NewServiceServer(impl)))
	if tip, err := c.GetTip(ctx); tip != nil || err != nil {
		t.Error(tip, err)
	}
	impl.tip = &BlockRef{Hash: []byte{1}, Height: 3}
	if tip, err := c.GetTip(ctx); !mprt.Equal(tip, impl.tip) || err != nil {
		t.Error(tip, err)
	}
	if ok, err := c.WaitNext(ctx, math.MaxFloat64, 7, ""); !ok || err != nil {
		t.Error(ok, err)
	}
	if ok, height, coins, err := c.Find(ctx, "k"); !ok || height != 5 || len(coins) != 2 || err != nil {
		t.Error(ok, height, coins, err)
	}
	if text, n, err := c.Optional(ctx, nil, nil); text != nil || n != 0 || err != nil {
		t.Error(text, n, err)
	}
	if text, n, err := c.Optional(ctx, mprt.Optional[int32](true, 0), &Options{Plain: 2}); text == nil || n != 0 || err != nil {
		t.Error(text, n, err)
	}
	if text, x, err := c.InOut(ctx, 1, "t"); text != "t!" || x != 2 || err != nil {
		t.Error(text, x, err)
	}
	if b, err := c.Skipped(ctx, 4); b != -4 || err != nil {
		t.Error(b, err)
	}
	if err := c.Streamed(ctx, 8); err != nil || len(impl.streamed) != 1 {
		t.Error(impl.streamed, err)
	}
	if err := c.Nothing(ctx); err != nil {
		t.Error(err)
	}
}

func TestExceptions(t *testing.T) {
	ctx := context.Background()
	c := NewServiceClient(peer.Connect(t, NewServiceServer(&service{})))
	if text, err := c.Fail(ctx, 0); text != "fine" || err != nil {
		t.Error(text, err)
	}
	var declared *Error
	if _, err := c.Fail(ctx, 1); errors.As(err, &declared) || err == nil {
		t.Error("an error that is not declared came as", err)
	}
	if _, err := c.Fail(ctx, 2); !errors.As(err, &declared) || declared.Code != 2 || err.Error() != "declared" {
		t.Error("a declared exception came as", err)
	}
	var text *mprt.Exception[string]
	if err := c.FailText(ctx); !errors.As(err, &text) || text.Value != "in words" {
		t.Error("a declared text came as", err)
	}
	bare := NewServiceClient(peer.Connect(t, NewServiceServer(UnimplementedService{})))
	if err := bare.Nothing(ctx); !errors.Is(err, mprt.ErrUnimplemented) {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	ctx := context.Background()
	c := NewServiceClient(peer.Connect(t, NewServiceServer(&service{})))
	text := ""
	for _, o := range []*Options{
		{},
		{Number: new(int32), Text: &text, Inner: &Options{}, List: []int32{}, Data: []byte{}, Color: new(Color), WithDefault: new(int32),
			HasPlain: 3, HasNothing: true, Hash: "h"},
	} {
		got, err := c.WholeParams(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		if !mprt.Equal(got, o) {
			t.Errorf("sent %v, received %v", o, got)
		}
	}
	if n, err := c.WholeNothing(ctx, &Nothing{}); err != nil || n == nil {
		t.Error(n, err)
	}
	if o, err := c.WholeParams(ctx, nil); err != nil || !mprt.Equal(o, &Options{}) {
		t.Error(o, err)
	}
}
