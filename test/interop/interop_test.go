// Package interop_test runs our programs against implementations of Cap'n Proto RPC that are not ours, in both roles
// and each in a process of its own: the reference C++ library (cpp/) and go-capnp (gocapnp/).
package interop_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// fooMethods returns the names of FooInterface's methods.
func fooMethods(t *testing.T) []string {
	t.Helper()
	schema, err := os.ReadFile("../foo/foo.capnp")
	if err != nil {
		t.Fatal(err)
	}
	body := regexp.MustCompile(`(?s)interface FooInterface.*?\n}`).Find(schema)
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+) @\d+ \(`).FindAllSubmatch(body, -1) {
		names = append(names, string(m[1]))
	}
	if len(names) != 25 {
		t.Fatalf("FooInterface has %d methods, not 25: %q", len(names), names)
	}
	return names
}

func TestCppCallsGo(t *testing.T) {
	cpp, server := cppPeer(t), start(t, goFooServer(t))
	expectAll(t, scenarios(t, cpp, "foo"), run(t, cpp, server.address, nil, "foo"))
}

func TestGoCallsCpp(t *testing.T) {
	cpp, client := start(t, cppPeer(t)), goFooClient(t)
	expectAll(t, fooMethods(t), run(t, client, cpp.address, nil))
}

// The C++ side must see at once that our process is gone.
func TestGoServerIsKilledInMidCall(t *testing.T) {
	testKill(t, cppPeer(t), start(t, goFooServer(t)))
}

func testKill(t *testing.T, cpp program, server *running) {
	outcomes := run(t, cpp, server.address, func(line string) {
		if line == "kill the server now" {
			server.kill()
		}
	}, "kill")
	expectAll(t, scenarios(t, cpp, "kill"), outcomes)
}

func TestGoCapnpCallsGo(t *testing.T) {
	goCapnp, server := goCapnp(t), start(t, goFooServer(t))
	expectAll(t, scenarios(t, goCapnp, ""), run(t, goCapnp, server.address, nil, "all"))
}

func TestGoCallsGoCapnp(t *testing.T) {
	server, client := start(t, goCapnp(t)), goFooClient(t)
	expectAll(t, fooMethods(t), run(t, client, server.address, nil))
}

// TestVat tries what foo cannot show of level 1: embargoes in both directions, promises that resolve and break, tail
// calls, references that are counted.
func TestVat(t *testing.T) {
	vat := vatPeer(t)
	all := scenarios(t, vat, "")
	t.Run("vat calls vat", func(t *testing.T) {
		expectAll(t, all, run(t, vat, start(t, vat).address, nil, "all"))
	})
	t.Run("vat calls cpp", func(t *testing.T) {
		cpp := start(t, cppPeer(t))
		expectAll(t, all, run(t, vat, cpp.address, nil, "all"))
	})
	t.Run("cpp calls vat", func(t *testing.T) {
		cpp := cppPeer(t)
		expectAll(t, scenarios(t, cpp, "level1"), run(t, cpp, start(t, vat).address, nil, "level1"))
	})

	// With tail calls of ours. That they are made is seen in what a server prints of its messages.
	tails := vat.with("--tail-calls")
	t.Run("vat calls vat with tail calls", func(t *testing.T) {
		server := start(t, tails.with("--trace"))
		expectAll(t, all, run(t, tails, server.address, nil, "all"))
		expectTails(t, server)
	})
	t.Run("vat calls cpp with tail calls", func(t *testing.T) {
		cpp := start(t, cppPeer(t))
		expectAll(t, all, run(t, tails, cpp.address, nil, "all"))
	})
	t.Run("cpp calls vat with tail calls", func(t *testing.T) {
		cpp, server := cppPeer(t), start(t, tails.with("--trace"))
		expectAll(t, scenarios(t, cpp, "level1"), run(t, cpp, server.address, nil, "level1"))
		expectTails(t, server)
	})
}

// expectTails ends a server that prints its messages and checks that it has made tail calls.
func expectTails(t *testing.T, server *running) {
	t.Helper()
	server.kill()
	if n := strings.Count(server.output(), "takeFromOtherQuestion #"); n < 3 {
		t.Errorf("%d tail calls", n)
	}
}

// The peers must agree among themselves, or what they say of ours means little.
func TestPeers(t *testing.T) {
	cpp := cppPeer(t)
	server := start(t, cpp)
	for _, group := range []string{"foo", "level1"} {
		t.Run("cpp calls cpp "+group, func(t *testing.T) {
			expectAll(t, scenarios(t, cpp, group), run(t, cpp, server.address, nil, group))
		})
	}
	t.Run("cpp is killed", func(t *testing.T) { testKill(t, cpp, start(t, cpp)) })
	t.Run("go-capnp calls cpp", func(t *testing.T) {
		goCapnp := goCapnp(t)
		expectAll(t, scenarios(t, goCapnp, ""), run(t, goCapnp, server.address, nil, "all"))
	})
}
