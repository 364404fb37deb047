package foo_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/foocheck"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

func TestMethods(t *testing.T) {
	methods := reflect.TypeFor[foo.FooInterface]()
	checked := map[string]bool{}
	for _, c := range foocheck.All {
		checked[strings.ToUpper(c.Name[:1])+c.Name[1:]] = true
	}
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; !checked[name] {
			t.Errorf("%s is not checked", name)
		}
	}
	over(t, func(t *testing.T, s server) {
		f := dial(t, s)
		for _, c := range foocheck.All {
			t.Run(c.Name, func(t *testing.T) {
				note, err := c.Try(within(t), f.FooInterfaceClient)
				if err != nil {
					t.Fatal(err)
				}
				if note != "" {
					t.Log(note)
				}
			})
		}
	})
}

// Both ends' codecs and the server mark the text.
func TestCodecs(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dial(t, s)
		const want = "init build read call build read"
		if m, err := f.PassMessage(t.Context(), &foo.FooMessage{Message: "init"}); err != nil || m.Message != want {
			t.Errorf("passMessage: %v, %v", m, err)
		}
		if m, err := f.PassMutable(t.Context(), &foo.FooMutable{Message: "init"}); err != nil || m.Message != want {
			t.Errorf("passMutable: %v, %v", m, err)
		}
	})
}

func TestNil(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		if r, err := f.Pass(ctx, nil); err != nil || r != nil {
			t.Errorf("pass: %v, %v", r, err)
		}
		if r, err := f.PassCustom(ctx, nil); err != nil || r != nil {
			t.Errorf("passCustom: %v, %v", r, err)
		}
		if r, err := f.PassEmpty(ctx, nil); err != nil || r != nil {
			t.Errorf("passEmpty: %v, %v", r, err)
		}
		if err := f.Raise(ctx, nil); err != nil {
			t.Errorf("raise of nothing: %v", err)
		}
		if r, err := f.PassData(ctx, nil); err != nil || r != nil {
			t.Errorf("passData: %v, %v", r, err)
		}
		if r, err := f.PassData(ctx, []byte{}); err != nil || r == nil || len(r) > 0 {
			t.Errorf("passData of no bytes: %v, %v", r, err)
		}
		if r, err := f.PassDataPointers(ctx, [][]byte{nil, {}}); err != nil || len(r) != 2 || r[0] != nil || r[1] == nil {
			t.Errorf("passDataPointers: %v, %v", r, err)
		}
		_, err := f.Callback(ctx, nil, 1)
		wantError(t, err, nil, "no callback")
		_, err = f.Callback(ctx, (*foocheck.Callback)(nil), 1)
		wantError(t, err, nil, "no callback")
		_, err = f.CallbackExtended(ctx, nil, 1)
		wantError(t, err, nil, "no callback")
		_, err = f.PassFn(ctx, nil)
		wantError(t, err, nil, "no callback")
		must(t, f.SaveCallback(ctx, nil))
		_, err = f.CallbackSaved(ctx, 1)
		wantError(t, err, nil, "no callback")
	})
}

// An error says which method of which peer failed, and why.
func TestErrors(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		_, err := f.CallIntFnAsync(ctx, fooimpl.IntFnFails)
		var call *mprt.CallError
		var remote *mprt.RemoteError
		if !errors.As(err, &call) || call.Method != "FooInterface.callIntFnAsync" || call.Peer != "server" ||
			!errors.As(err, &remote) || remote.Error() != "int fn error" || remote.Reason != "std::exception: int fn error" {
			t.Errorf("%#v", err)
		}
		_, err = f.CallIntFnAsync(ctx, fooimpl.IntFnRaises)
		if !errors.As(err, &remote) || !strings.Contains(remote.Error(), "undeclared") {
			t.Errorf("%#v", err)
		}
		// That of a callback travels both ways.
		_, err = f.PassFn(ctx, func(context.Context) (int32, error) { return 0, errors.New("fn error") })
		wantError(t, err, nil, "fn error")
	})
}

// A local object is called as a remote one is.
func TestLocalObject(t *testing.T) {
	var f foo.FooInterface = newServerFoo()
	if n, err := f.Callback(t.Context(), foocheck.NewCallback(), 4); err != nil || n != 8 {
		t.Fatal(n, err)
	}
}
