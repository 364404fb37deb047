package foo_test

import (
	"context"
	"testing"

	"github.com/mpgo-dev/mpgo/test/foo/foocheck"
)

// The benchmarks measure the runtime in one process, for work on it; package bench compares processes and peers.

func BenchmarkAdd(b *testing.B) {
	f := dial(b, sameProcess{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Add(context.Background(), 1, 2); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkContext(b *testing.B) {
	f := dialThreads(b, sameProcess{})
	b.ReportAllocs()
	for b.Loop() {
		if err := f.CallFnAsync(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCallbackSaved(b *testing.B) {
	f := dialThreads(b, sameProcess{})
	f.saving(b, foocheck.NewCallback())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.CallbackSaved(context.Background(), 2); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCallback(b *testing.B) {
	f := dialThreads(b, sameProcess{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Callback(context.Background(), foocheck.NewCallback(), 2); err != nil {
			b.Fatal(err)
		}
	}
}
