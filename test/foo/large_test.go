package foo_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

// hoarder keeps the data that it is given.
type hoarder struct {
	*fooimpl.Foo
	kept [][]byte
}

func (h *hoarder) PassData(_ context.Context, arg []byte) ([]byte, error) {
	h.kept = append(h.kept, arg)
	return arg, nil
}

func (h *hoarder) PassDataPointers(_ context.Context, arg [][]byte) ([][]byte, error) {
	h.kept = arg
	return nil, nil
}

// hoard connects to a hoarder over a socket.
func hoard(t *testing.T, opts ...mprt.Option) (*foo.FooInterfaceClient, *hoarder) {
	t.Helper()
	h := &hoarder{Foo: new(fooimpl.Foo)}
	l, err := mprt.Listen(t.Context(), "unix:"+t.TempDir()+"/socket")
	must(t, err)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- mprt.Serve(ctx, l, foo.NewFooInterfaceServer(h), opts...) }()
	conn, err := mprt.Dial(t.Context(), "unix:"+l.Addr().String())
	must(t, err)
	t.Cleanup(func() {
		conn.Close()
		cancel()
		<-ended
	})
	return foo.NewFooInterfaceClient(conn.Bootstrap()), h
}

// Large data is its receiver's to keep and to change: no later message has its memory.
func TestLargeDataIsTheReceivers(t *testing.T) {
	f, h := hoard(t)
	var passed, results [][]byte
	pass := func(size, n int) {
		t.Helper()
		data := bytes.Repeat([]byte{byte(n)}, size)
		result, err := f.PassData(within(t), bytes.Clone(data))
		must(t, err)
		passed, results = append(passed, data), append(results, result)
	}
	for n := range 10 {
		for _, size := range []int{100, 16 << 10, 20 << 10, 64 << 10, 64<<10 + 5, 300 << 10, 1 << 20, 5 << 20} {
			pass(size, n)
		}
	}
	same := func(what string, got [][]byte) {
		t.Helper()
		for i, data := range got {
			if !bytes.Equal(data, passed[i]) {
				t.Errorf("%s %d of %d bytes has changed", what, i, len(passed[i]))
			}
			if extra := cap(data) - len(data); extra > len(data)/4 {
				t.Errorf("%s %d has %d bytes and memory for %d more", what, i, len(data), extra)
			}
		}
	}
	same("param", h.kept)
	same("result", results)
	// Each side changes what it has.
	for i := range results {
		clear(results[i])
	}
	same("param", h.kept)
	for i := range h.kept {
		h.kept[i] = append(h.kept[i], 1, 2, 3, 4, 5, 6, 7, 8)
		clear(h.kept[i])
	}
	kept := len(passed)
	passed, results, h.kept = passed[kept:], nil, nil
	pass(1<<20, 99)
	same("later param", h.kept)
	same("later result", results)
}

// So is a large text.
func TestLargeTextIsTheReceivers(t *testing.T) {
	f, _ := hoard(t)
	var names []string
	for n := range 10 {
		for _, size := range []int{8 << 10, 20 << 10, 64<<10 - 1, 300 << 10} {
			name := strings.Repeat(string(rune('a'+n)), size)
			result, err := f.Pass(within(t), &foo.FooStruct{Name: name})
			must(t, err)
			names = append(names, name, result.Name)
		}
	}
	for i := 0; i < len(names); i += 2 {
		if names[i] != names[i+1] {
			t.Errorf("result %d of %d bytes has changed", i/2, len(names[i]))
		}
	}
}

// A peer that has two elements of a list lead to the same data makes them no memory that is shared.
func TestLargeDataTwice(t *testing.T) {
	f, h := hoard(t)
	data := bytes.Repeat([]byte("data"), 32<<10)
	method := mprt.Method{
		InterfaceID: foo.FooInterface_ID, InterfaceName: "FooInterface",
		ID: foo.FooInterface_PassDataPointers_ID, Name: "passDataPointers",
		ParamsSize: capnp.ObjectSize{PointerCount: 1},
	}
	call, err := f.Client.Begin(within(t), &method)
	must(t, err)
	defer call.Finish()
	params := call.Params()
	p, err := capnp.NewData(params.Segment(), data)
	must(t, err)
	list, err := capnp.NewPointerList(params.Segment(), 2)
	must(t, err)
	for i := range list.Len() {
		must(t, list.Set(i, p.ToPtr()))
	}
	params.SetPtr(0, list.ToPtr())
	_, err = call.Do()
	must(t, err)
	if len(h.kept) != 2 || !bytes.Equal(h.kept[0], data) || !bytes.Equal(h.kept[1], data) {
		t.Fatal("other data arrived")
	}
	for i := range h.kept {
		clear(h.kept[i])
		if other := h.kept[1-i]; !bytes.Equal(other, data) {
			t.Fatalf("element %d changed with %d", 1-i, i)
		}
		copy(h.kept[i], data)
	}
}

// With WithBorrowedData, data in params is where it is in the message, and is
// returned from there.
func TestBorrowedData(t *testing.T) {
	const size = 20<<10 + 8 // no size of Go's allocator
	apart := func(opts ...mprt.Option) uintptr {
		f, h := hoard(t, opts...)
		_, err := f.PassDataPointers(within(t), [][]byte{make([]byte, size), make([]byte, size)})
		must(t, err)
		for _, data := range h.kept {
			if len(data) != size {
				t.Fatalf("got %d bytes, not %d", len(data), size)
			}
		}
		return uintptr(unsafe.Pointer(&h.kept[1][0])) - uintptr(unsafe.Pointer(&h.kept[0][0]))
	}
	if d := apart(mprt.WithBorrowedData()); d != size {
		t.Errorf("borrowed data is not as in the message: the second is %d bytes behind the first", d)
	}
	if apart() == size {
		t.Error("data is not copied, although nobody asked for that")
	}

	f, _ := hoard(t, mprt.WithBorrowedData())
	var callers sync.WaitGroup
	for n := range 8 {
		callers.Go(func() {
			for _, size := range []int{0, 1, 100, 20 << 10, 64<<10 + 5, 300 << 10, 3 << 20, 64 << 10, 100} {
				data := bytes.Repeat([]byte{byte(n)}, size)
				got, err := f.PassData(within(t), data)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%d bytes of %d come back changed: %v", size, n, err)
				}
			}
		})
	}
	callers.Wait()
}
