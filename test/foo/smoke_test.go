package foo

import (
	"context"
	"net"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

type impl struct {
	UnimplementedFooInterface
	saved FooCallback
}

func (i *impl) Add(ctx context.Context, a, b int32) (int32, error) { return a + b, nil }
func (i *impl) InitThreadMap(ctx context.Context) error            { return nil }
func (i *impl) Pass(ctx context.Context, s *FooStruct) (*FooStruct, error) {
	return s, nil
}
func (i *impl) Callback(ctx context.Context, cb FooCallback, arg int32) (int32, error) {
	defer cb.(*FooCallbackClient).Close()
	return cb.Call(ctx, arg)
}
func (i *impl) SaveCallback(ctx context.Context, cb FooCallback) error { i.saved = cb; return nil }
func (i *impl) CallbackSaved(ctx context.Context, arg int32) (int32, error) {
	return i.saved.Call(ctx, arg)
}
func (i *impl) PassFn(ctx context.Context, fn FooFn) (int32, error) { return fn(ctx) }
func (i *impl) CallFnAsync(ctx context.Context) error               { return nil }

type cb struct{ closed chan struct{} }

func (c *cb) Call(ctx context.Context, arg int32) (int32, error) { return arg * 2, nil }
func (c *cb) Close() error                                       { close(c.closed); return nil }

func start(t testing.TB) *FooInterfaceClient {
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- mprt.Serve(ctx, l, NewFooInterfaceServer(&impl{})) }()
	c, err := mprt.Dial(ctx, "unix:"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return NewFooInterfaceClient(c.Bootstrap())
}

func TestSmoke(t *testing.T) {
	f := start(t)
	ctx := context.Background()
	if r, err := f.Add(ctx, 1, 2); err != nil || r != 3 {
		t.Fatal(r, err)
	}
	if _, err := f.Callback(ctx, &cb{make(chan struct{})}, 2); err == nil {
		t.Fatal("no error without a thread map")
	} else {
		t.Log(err)
	}
	if err := f.InitThreadMap(ctx); err != nil {
		t.Fatal(err)
	}
	if err := f.CallFnAsync(ctx); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c := &cb{make(chan struct{})}
		if r, err := f.Callback(ctx, c, 2); err != nil || r != 4 {
			t.Fatal(r, err)
		}
		<-c.closed
	}
	if err := f.SaveCallback(ctx, &cb{make(chan struct{})}); err != nil {
		t.Fatal(err)
	}
	if r, err := f.CallbackSaved(ctx, 2); err != nil || r != 4 {
		t.Fatal(r, err)
	}
	n := 0
	if r, err := f.PassFn(ctx, func(context.Context) (int32, error) { n++; return 5, nil }); err != nil || r != 5 || n != 1 {
		t.Fatal(r, err)
	}
}

func BenchmarkAdd(b *testing.B) {
	f := start(b)
	b.ReportAllocs()
	ctx := context.Background()
	for b.Loop() {
		if _, err := f.Add(ctx, 1, 2); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkContext(b *testing.B) {
	f := start(b)
	b.ReportAllocs()
	ctx := context.Background()
	f.InitThreadMap(ctx)
	for b.Loop() {
		if err := f.CallFnAsync(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCallbackSaved(b *testing.B) {
	f := start(b)
	b.ReportAllocs()
	ctx := context.Background()
	f.InitThreadMap(ctx)
	if err := f.SaveCallback(ctx, &cb{make(chan struct{})}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := f.CallbackSaved(ctx, 2); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCallback(b *testing.B) {
	f := start(b)
	b.ReportAllocs()
	ctx := context.Background()
	f.InitThreadMap(ctx)
	for b.Loop() {
		if _, err := f.Callback(ctx, &cb{make(chan struct{})}, 2); err != nil {
			b.Fatal(err)
		}
	}
}
