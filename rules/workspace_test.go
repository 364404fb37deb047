package rules_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestWorkspaceVersions: a WORKSPACE file gets the Go modules of go.mod, and go.sum's sums.
func TestWorkspaceVersions(t *testing.T) {
	workspace := read(t, "workspace.bzl")
	sums := read(t, "../go.sum")
	versions := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(?:require)?\s+([^\s(]+\.[^\s(]+) (v\S+)`).FindAllStringSubmatch(read(t, "../go.mod"), -1) {
		versions[m[1]] = m[2]
	}
	if len(versions) < 4 {
		t.Fatalf("go.mod is read wrongly: %v", versions)
	}
	for module, version := range versions {
		sum := regexp.MustCompile(fmt.Sprintf(`(?m)^%s %s (h1:\S+)$`, regexp.QuoteMeta(module), regexp.QuoteMeta(version))).FindStringSubmatch(sums)
		if sum == nil {
			t.Errorf("go.sum lacks %s %s", module, version)
			continue
		}
		want := fmt.Sprintf("importpath = %q,\n        sum = %q,\n        version = %q,\n", module, sum[1], version)
		if !strings.Contains(workspace, want) {
			t.Errorf("rules/workspace.bzl lacks, or has otherwise:\n        %s", want)
		}
	}
	for _, m := range regexp.MustCompile(`importpath = "(.*)"`).FindAllStringSubmatch(workspace, -1) {
		if versions[m[1]] == "" {
			t.Errorf("rules/workspace.bzl has %s, which go.mod does not need", m[1])
		}
	}
}

// TestBazelVersion: MODULE.bazel and WORKSPACE files want the same Bazel.
func TestBazelVersion(t *testing.T) {
	m := regexp.MustCompile(`bazel_compatibility = \[">=(.*)"\]`).FindStringSubmatch(read(t, "../MODULE.bazel"))
	if m == nil {
		t.Fatal("MODULE.bazel does not say which Bazel it needs")
	}
	if want := fmt.Sprintf("MINIMUM_BAZEL_VERSION = %q\n", m[1]); !strings.Contains(read(t, "private/bazel_version.bzl"), want) {
		t.Errorf("rules/private/bazel_version.bzl does not have %s", want)
	}
}

// TestVersionInDocs: MODULE.bazel has the version; what tells users to write it says the same.
func TestVersionInDocs(t *testing.T) {
	m := regexp.MustCompile(`name = "mpgo",\n    version = "(.*)"`).FindStringSubmatch(read(t, "../MODULE.bazel"))
	if m == nil {
		t.Fatal("MODULE.bazel has no version")
	}
	for name, want := range map[string]string{
		"../docs/bazel.md": fmt.Sprintf("bazel_dep(name = \"mpgo\", version = %q)", m[1]),
		"../CHANGELOG.md":  "## " + m[1],
	} {
		if !strings.Contains(read(t, name), want) {
			t.Errorf("%s does not have %s", name, want)
		}
	}
}
