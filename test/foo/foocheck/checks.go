// Package foocheck tries every method of FooInterface, at a server of any make.
package foocheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

// Check tries one method.
type Check struct {
	Name string // as in the schema
	// Try returns what there is to say of a success besides.
	Try func(context.Context, *foo.FooInterfaceClient) (note string, err error)
}

// All are the checks, to be tried in this order: what has a context needs initThreadMap first.
var All = []Check{
	{"add", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return want(int32(-3))(f.Add(ctx, -5, 2))
	})},
	{"addOut", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return want(int32(7))(f.AddOut(ctx, 3, 4))
	})},
	{"addInOut", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return want(int32(10))(f.AddInOut(ctx, 3, 7))
	})},
	{"mapSize", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return errors.Join(
			want(int32(2))(f.MapSize(ctx, map[string]string{"a": "b", "c": "d"})),
			want(int32(0))(f.MapSize(ctx, nil)))
	})},
	{"pass", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		without := Sample()
		without.OptionalInt = nil
		return errors.Join(
			want(Sample())(f.Pass(ctx, Sample())),
			want(without)(f.Pass(ctx, without)),
			wantEmptyStruct(f.Pass(ctx, new(foo.FooStruct))))
	})},
	{"raise", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		var raised *foo.FooStruct
		if err := f.Raise(ctx, Sample()); !errors.As(err, &raised) {
			return fmt.Errorf("it did not raise its argument: %v", err)
		}
		return want(Sample())(raised, nil)
	})},
	{"passCustom", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		c := &foo.FooCustom{V1: "v1", V2: 5}
		return want(c)(f.PassCustom(ctx, c))
	})},
	{"passEmpty", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return want(new(foo.FooEmpty))(f.PassEmpty(ctx, new(foo.FooEmpty)))
	})},
	{"passMessage", func(ctx context.Context, f *foo.FooInterfaceClient) (string, error) {
		m, err := f.PassMessage(ctx, &foo.FooMessage{Message: "init"})
		if err != nil {
			return "", err
		}
		return text(m.Message)
	}},
	{"passMutable", func(ctx context.Context, f *foo.FooInterfaceClient) (string, error) {
		m, err := f.PassMutable(ctx, &foo.FooMutable{Message: "init"})
		if err != nil {
			return "", err
		}
		return text(m.Message)
	}},
	{"passEnum", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return want(int32(2))(f.PassEnum(ctx, 2))
	})},
	{"passDouble", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return errors.Join(
			want(1.25)(f.PassDouble(ctx, 1.25)),
			want(-1e300)(f.PassDouble(ctx, -1e300)))
	})},
	{"passData", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		for _, n := range []int{0, 1, 100, 1 << 20} {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(i * 31 >> 3)
			}
			got, err := f.PassData(ctx, data)
			if err != nil {
				return err
			}
			if !bytes.Equal(got, data) {
				return fmt.Errorf("%d bytes came back as other %d", n, len(got))
			}
		}
		return nil
	})},
	{"passDataPointers", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		got, err := f.PassDataPointers(ctx, [][]byte{[]byte("Hi"), nil})
		if err != nil {
			return err
		}
		// Empty and null are the same there.
		if len(got) != 2 || string(got[0]) != "Hi" || len(got[1]) != 0 {
			return fmt.Errorf("got %q", got)
		}
		return nil
	})},
	{"callFn", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error { return f.CallFn(ctx) })},
	{"initThreadMap", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error { return f.InitThreadMap(ctx) })},
	{"callFnAsync", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error { return f.CallFnAsync(ctx) })},
	{"callIntFnAsync", quiet(intFn)},
	{"callback", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return tryCallback(ctx, 1, f.Callback)
	})},
	{"callbackUnique", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return tryCallback(ctx, 3, f.CallbackUnique)
	})},
	{"callbackShared", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return tryCallback(ctx, 5, f.CallbackShared)
	})},
	{"callbackExtended", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		return tryCallback(ctx, 7, func(ctx context.Context, c foo.FooCallback, arg int32) (int32, error) {
			n, err := f.CallbackExtended(ctx, c.(foo.ExtendedCallback), arg)
			return n - Extended, err
		})
	})},
	{"saveCallback", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		first, second := NewCallback(), NewCallback()
		if err := f.SaveCallback(ctx, first); err != nil {
			return err
		}
		if err := f.SaveCallback(ctx, second); err != nil {
			return err
		}
		if err := first.WaitClosed(ctx); err != nil {
			return err
		}
		if err := f.SaveCallback(ctx, nil); err != nil {
			return err
		}
		return second.WaitClosed(ctx)
	})},
	{"callbackSaved", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		c := NewCallback()
		if err := f.SaveCallback(ctx, c); err != nil {
			return err
		}
		for arg := range int32(3) {
			if err := want(2 * arg)(f.CallbackSaved(ctx, arg)); err != nil {
				return err
			}
		}
		if err := f.SaveCallback(ctx, nil); err != nil {
			return err
		}
		return c.WaitClosed(ctx)
	})},
	{"passFn", quiet(func(ctx context.Context, f *foo.FooInterfaceClient) error {
		var nested func(n int32) foo.FooFn
		nested = func(n int32) foo.FooFn {
			return func(ctx context.Context) (int32, error) {
				if n == 0 {
					return 1, nil
				}
				r, err := f.PassFn(ctx, nested(n-1))
				return r + 1, err
			}
		}
		return want(int32(11))(f.PassFn(ctx, nested(10)))
	})},
}

// quiet is for checks without a note.
func quiet(try func(context.Context, *foo.FooInterfaceClient) error) func(context.Context, *foo.FooInterfaceClient) (string, error) {
	return func(ctx context.Context, f *foo.FooInterfaceClient) (string, error) { return "", try(ctx, f) }
}

// want compares a call's outcome.
func want[T any](expected T) func(T, error) error {
	return func(got T, err error) error {
		if err == nil && !mprt.Equal(got, expected) {
			err = fmt.Errorf("got %v, want %v", got, expected)
		}
		return err
	}
}

func wantEmptyStruct(got *foo.FooStruct, err error) error {
	if err != nil {
		return err
	}
	if got == nil || got.Name != "" || got.OptionalInt != nil ||
		len(got.SetInt)+len(got.UnorderedSetInt)+len(got.VectorBool)+len(got.MapStringInt) > 0 {
		return fmt.Errorf("an empty struct came back as %v", got)
	}
	return nil
}

// text checks a text that codecs of both sides have added to.
func text(s string) (string, error) {
	if !strings.HasPrefix(s, "init build") || !strings.HasSuffix(s, " read") {
		return "", fmt.Errorf("unexpected text %q", s)
	}
	return fmt.Sprintf("%q", s), nil
}

// Sample returns a struct with all fields set.
func Sample() *foo.FooStruct {
	three := int32(3)
	return &foo.FooStruct{
		Name:            "name",
		SetInt:          map[int32]struct{}{1: {}, 2: {}},
		VectorBool:      []bool{false, true, false},
		OptionalInt:     &three,
		UnorderedSetInt: map[int32]struct{}{-1: {}, 5: {}},
		MapStringInt:    map[string]int32{"a": 1, "b": 2},
	}
}

func intFn(ctx context.Context, f *foo.FooInterfaceClient) error {
	if err := want(int32(42))(f.CallIntFnAsync(ctx, 21)); err != nil {
		return err
	}
	if _, err := f.CallIntFnAsync(ctx, fooimpl.IntFnFails); err == nil || !strings.Contains(err.Error(), "int fn error") {
		return fmt.Errorf("argument %d: %v", fooimpl.IntFnFails, err)
	}
	var remote *mprt.RemoteError
	if _, err := f.CallIntFnAsync(ctx, fooimpl.IntFnRaises); !errors.As(err, &remote) {
		return fmt.Errorf("argument %d: %v", fooimpl.IntFnRaises, err)
	}
	return nil
}

// Extended is what [Callback.CallExtended] adds to what Call returns.
const Extended = 10

// Callback doubles its argument, and CallExtended adds [Extended] to that.
type Callback struct {
	closed chan struct{}
	once   sync.Once
}

// NewCallback returns a callback that is not closed.
func NewCallback() *Callback { return &Callback{closed: make(chan struct{})} }

// Call returns 2 * arg.
func (*Callback) Call(_ context.Context, arg int32) (int32, error) { return 2 * arg, nil }

// CallExtended returns 2 * arg + Extended.
func (*Callback) CallExtended(_ context.Context, arg int32) (int32, error) {
	return 2*arg + Extended, nil
}

// Close says that nobody can call any more.
func (c *Callback) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// WaitClosed waits until the callback has been closed.
func (c *Callback) WaitClosed(ctx context.Context) error {
	select {
	case <-c.closed:
		return nil
	case <-ctx.Done():
		return errors.New("nobody has closed the callback")
	}
}

func tryCallback(ctx context.Context, arg int32, call func(context.Context, foo.FooCallback, int32) (int32, error)) error {
	c := NewCallback()
	if err := want(2 * arg)(call(ctx, c, arg)); err != nil {
		return err
	}
	select {
	case <-c.closed:
		return nil
	default:
		return errors.New("the server has not destroyed the callback before it returned")
	}
}
