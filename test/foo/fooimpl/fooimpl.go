// Package fooimpl implements FooInterface as the server of libmultiprocess's tests does, for tests, benchmarks and
// fooserver.
package fooimpl

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mpgo-dev/mpgo/test/foo"
)

// Foo implements foo.FooInterface. The zero Foo is ready to use, by any number of peers at a time, who share the saved
// callback.
type Foo struct {
	mu    sync.Mutex
	saved foo.FooCallback
}

var _ foo.FooInterface = (*Foo)(nil)

// Close closes the saved callback.
func (f *Foo) Close() error { return f.SaveCallback(context.Background(), nil) }

// Add returns a + b.
func (*Foo) Add(_ context.Context, a, b int32) (int32, error) { return a + b, nil }

// AddOut is Add.
func (*Foo) AddOut(_ context.Context, a, b int32) (int32, error) { return a + b, nil }

// AddInOut returns sum + x.
func (*Foo) AddInOut(_ context.Context, x, sum int32) (int32, error) { return sum + x, nil }

// MapSize returns the number of entries.
func (*Foo) MapSize(_ context.Context, m map[string]string) (int32, error) { return int32(len(m)), nil }

// Pass returns its argument.
func (*Foo) Pass(_ context.Context, arg *foo.FooStruct) (*foo.FooStruct, error) { return arg, nil }

// Raise fails with its argument.
func (*Foo) Raise(_ context.Context, arg *foo.FooStruct) error { return arg }

// InitThreadMap leaves the exchange to the runtime.
func (*Foo) InitThreadMap(context.Context) error { return nil }

// Callback calls the callback, and closes it before it returns, as a C++ server does that received it by reference.
func (*Foo) Callback(ctx context.Context, callback foo.FooCallback, arg int32) (int32, error) {
	return callAndClose(ctx, callback, arg)
}

// CallbackUnique is Callback for a std::unique_ptr.
func (*Foo) CallbackUnique(ctx context.Context, callback foo.FooCallback, arg int32) (int32, error) {
	return callAndClose(ctx, callback, arg)
}

// CallbackShared is Callback for a std::shared_ptr.
func (*Foo) CallbackShared(ctx context.Context, callback foo.FooCallback, arg int32) (int32, error) {
	return callAndClose(ctx, callback, arg)
}

// CallbackExtended calls and closes a callback of the derived interface.
func (*Foo) CallbackExtended(ctx context.Context, callback foo.ExtendedCallback, arg int32) (int32, error) {
	if callback == nil {
		return 0, errNoCallback
	}
	result, err := callback.CallExtended(ctx, arg)
	return result, errors.Join(err, closeObject(ctx, callback))
}

// SaveCallback keeps the callback, and closes the one that was kept before.
func (f *Foo) SaveCallback(ctx context.Context, callback foo.FooCallback) error {
	f.mu.Lock()
	old := f.saved
	f.saved = callback
	f.mu.Unlock()
	return closeObject(ctx, old)
}

// Saved is the kept callback, nil if there is none. It remains the server's.
func (f *Foo) Saved() foo.FooCallback {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.saved
}

// CallbackSaved calls the kept callback.
func (f *Foo) CallbackSaved(ctx context.Context, arg int32) (int32, error) {
	callback := f.Saved()
	if callback == nil {
		return 0, errNoCallback
	}
	return callback.Call(ctx, arg)
}

// PassCustom returns its argument.
func (*Foo) PassCustom(_ context.Context, arg *foo.FooCustom) (*foo.FooCustom, error) {
	return arg, nil
}

// PassEmpty returns its argument.
func (*Foo) PassEmpty(_ context.Context, arg *foo.FooEmpty) (*foo.FooEmpty, error) { return arg, nil }

// PassMessage adds to the text, as the codecs do before and after.
func (*Foo) PassMessage(_ context.Context, arg *foo.FooMessage) (*foo.FooMessage, error) {
	return &foo.FooMessage{Message: arg.Message + " call"}, nil
}

// PassMutable is PassMessage for an argument that goes in and out.
func (*Foo) PassMutable(_ context.Context, arg *foo.FooMutable) (*foo.FooMutable, error) {
	return &foo.FooMutable{Message: arg.Message + " call"}, nil
}

// PassEnum returns its argument.
func (*Foo) PassEnum(_ context.Context, arg int32) (int32, error) { return arg, nil }

// PassFn calls the function.
func (*Foo) PassFn(ctx context.Context, fn foo.FooFn) (int32, error) {
	if fn == nil {
		return 0, errNoCallback
	}
	return fn(ctx)
}

// CallFn does nothing.
func (*Foo) CallFn(context.Context) error { return nil }

// CallFnAsync does nothing, on a thread.
func (*Foo) CallFnAsync(context.Context) error { return nil }

// Arguments for which CallIntFnAsync does something else than to double them.
const (
	IntFnFails  = -1 // fails with "int fn error"
	IntFnRaises = -2 // fails with a FooStruct, which the method does not declare
	IntFnSleeps = -3 // takes a second first
)

// CallIntFnAsync returns 2 * arg, or does what the argument stands for.
func (*Foo) CallIntFnAsync(ctx context.Context, arg int32) (int32, error) {
	switch arg {
	case IntFnFails:
		return 0, errors.New("int fn error")
	case IntFnRaises:
		return 0, &foo.FooStruct{Name: "undeclared"}
	case IntFnSleeps:
		// It is what the method is for.
		t := time.NewTimer(time.Second)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	return 2 * arg, nil
}

// PassDataPointers returns its argument.
func (*Foo) PassDataPointers(_ context.Context, arg [][]byte) ([][]byte, error) { return arg, nil }

// PassDouble returns its argument.
func (*Foo) PassDouble(_ context.Context, arg float64) (float64, error) { return arg, nil }

// PassData returns its argument.
func (*Foo) PassData(_ context.Context, arg []byte) ([]byte, error) { return arg, nil }

var errNoCallback = errors.New("no callback")

func callAndClose(ctx context.Context, callback foo.FooCallback, arg int32) (int32, error) {
	if callback == nil {
		return 0, errNoCallback
	}
	result, err := callback.Call(ctx, arg)
	return result, errors.Join(err, closeObject(ctx, callback))
}

// closeObject closes what the peer passed. With ctx the peer hears of it on the thread that waits for the call.
func closeObject(ctx context.Context, object any) error {
	if c, ok := object.(interface{ CloseContext(context.Context) error }); ok {
		return c.CloseContext(ctx)
	}
	return nil
}
