package greeter_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"context"

	"github.com/bazelbuild/rules_go/go/runfiles"

	"example.com/greeter/greeter"
	"example.com/greeter/names"
	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

type printer struct{ lines []string }

func (p *printer) Print(_ context.Context, text string) error {
	p.lines = append(p.lines, text)
	return nil
}

// The service runs in a process of its own; it prints through an object of this one.
func TestAcrossProcesses(t *testing.T) {
	program, err := runfiles.Rlocation(os.Getenv("GREETERD"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "greeter")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	address := "unix:" + filepath.Join(dir, "s")
	server := exec.CommandContext(t.Context(), program, address)
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("greeterd said %q, then %v", line, err)
	}

	conn, err := mprt.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := greeter.NewGreeterClient(conn.Bootstrap())
	defer client.Close()
	p := &printer{}
	n, err := client.Greet(t.Context(), &names.Name{First: "Ada", Last: "Lovelace"}, p)
	if err != nil {
		t.Fatal(err)
	}
	const want = "Hello, Ada Lovelace!"
	if int(n) != len(want) || len(p.lines) != 1 || p.lines[0] != want {
		t.Errorf("printed %q and returned %d, want %q and %d", p.lines, n, want, len(want))
	}
}
