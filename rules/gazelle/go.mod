// A module of its own: who depends on mpgo does not get Gazelle's dependencies.
module github.com/mpgo-dev/mpgo/rules/gazelle

go 1.25.0

require github.com/bazelbuild/bazel-gazelle v0.47.0

require (
	github.com/bazelbuild/buildtools v0.0.0-20250930140053-2eb4fccefb52 // indirect
	golang.org/x/mod v0.20.0 // indirect
	golang.org/x/sync v0.10.0 // indirect
	golang.org/x/sys v0.28.0 // indirect
	golang.org/x/tools/go/vcs v0.1.0-deprecated // indirect
)
