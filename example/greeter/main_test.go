package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// Example is what the README promises.
func Example() {
	dir, err := os.MkdirTemp("", "greeter")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	address := "unix:" + filepath.Join(dir, "s")
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, address) }()
	// call does not wait for the server.
	conn, err := mprt.Dial(ctx, address, mprt.WithWaitForPeer())
	if err != nil {
		panic(err)
	}
	conn.Close()
	if err := call(ctx, address); err != nil {
		panic(err)
	}
	cancel()
	if err := <-served; err != nil {
		panic(err)
	}
	// Output: Hello, World!
}

// TestDocs holds the code that the documentation shows to the code that is
// compiled and tested here: each block must be part of a source file, but for
// its indentation.
func TestDocs(t *testing.T) {
	var sources []string
	for _, pattern := range []string{"*.go", "*.capnp", "BUILD.bazel", "../*.go", "../*.capnp"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %q, %v", pattern, files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, normal(string(text)))
		}
	}
	for _, doc := range []string{"../../README.md", "../../docs/usage.md"} {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for i, part := range strings.Split(string(text), "\n```") {
			language, code, _ := strings.Cut(part, "\n")
			if i%2 == 0 || !slices.Contains([]string{"go", "capnp", "starlark"}, language) {
				continue
			}
			found++
			if !slices.ContainsFunc(sources, func(s string) bool { return strings.Contains(s, normal(code)) }) {
				t.Errorf("%s shows what no source file has:\n%s", doc, code)
			}
		}
		if found == 0 {
			t.Errorf("%s shows no code", doc)
		}
	}
}

// normal drops what differs between a file and an excerpt: indentation and
// empty lines.
func normal(text string) string {
	var b strings.Builder
	b.WriteByte('\n')
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
