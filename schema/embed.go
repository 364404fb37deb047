// Package schema holds the schema files that every compilation can import:
// Cap'n Proto's own, what proxies need, and go-capnp's annotations.
package schema

import (
	"embed"
	"io/fs"
	"sync"
)

// Files are the standard imports, by their import path without the slash in
// front, such as "mp/proxy.capnp".
//
//go:embed capnp/*.capnp capnp/compat/*.capnp mp/*.capnp go.capnp
var Files embed.FS

// Names lists the files, sorted.
var Names = sync.OnceValue(func() []string {
	var names []string
	// The tree is embedded, so walking it cannot fail.
	_ = fs.WalkDir(Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return nil
	})
	return names
})
