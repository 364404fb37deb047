package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"capnproto.org/go/capnp/v3"
	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/rpctext"
)

func bootstrapFrame(t *testing.T, id uint32) []byte {
	t.Helper()
	msg, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	if err != nil {
		t.Fatal(err)
	}
	root, err := rpccp.NewRootMessage(seg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := root.NewBootstrap()
	if err != nil {
		t.Fatal(err)
	}
	b.SetQuestionId(id)
	frame, err := msg.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// throughRelay sends bytes to a server that echoes them, and returns what comes back and what the relay printed.
func throughRelay(t *testing.T, sent []byte) (received []byte, printed string) {
	t.Helper()
	dir := t.TempDir()
	server, err := net.Listen("unix", filepath.Join(dir, "server"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		io.Copy(conn, conn)
		conn.Close()
	}()

	var out bytes.Buffer
	r := &relay{server: "unix:" + filepath.Join(dir, "server"), out: &out, options: rpctext.Options{}}
	front, err := net.Listen("unix", filepath.Join(dir, "front"))
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		conn, err := front.Accept()
		if err != nil {
			return
		}
		r.join(t.Context(), 1, conn)
	}()

	client, err := net.Dial("unix", front.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write(sent); err != nil {
		t.Fatal(err)
	}
	if err := client.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	received, err = io.ReadAll(client)
	if err != nil {
		t.Fatal(err)
	}
	<-joined
	return received, regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{6} `).ReplaceAllString(out.String(), "")
}

func TestBytesPassUnchangedAndArePrinted(t *testing.T) {
	one, two := bootstrapFrame(t, 1), bootstrapFrame(t, 2)
	for _, test := range []struct {
		name    string
		sent    []byte
		printed []string // of the direction to the server
	}{
		{"nothing", nil, []string{"end"}},
		{"frames", bytes.Join([][]byte{one, two}, nil), []string{"bootstrap #1", "bootstrap #2", "end"}},
		{"half a frame", bytes.Join([][]byte{one, two[:11]}, nil), []string{"bootstrap #1", "ended after 11 bytes of a frame: unexpected EOF"}},
		{"no frame", []byte("GET / HTTP/1.1\r\n\r\n"), []string{"no frame: 542393672 segments (47 45 54 20); what follows passes unread", "end"}},
		{"huge", []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2}, []string{"no frame: 34359738360 bytes (00 00 00 00 ff ff ff ff); what follows passes unread", "end"}},
		{"no message", make([]byte, 16)[:8], []string{"!(", "end"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			received, printed := throughRelay(t, test.sent)
			if !bytes.Equal(received, test.sent) {
				t.Errorf("sent %d bytes, received %d others", len(test.sent), len(received))
			}
			var lines []string
			for line := range strings.Lines(printed) {
				if text, ok := strings.CutPrefix(line, "1 → "); ok {
					lines = append(lines, strings.TrimSuffix(text, "\n"))
				}
			}
			if len(lines) != len(test.printed) {
				t.Fatalf("printed %q, want %q", lines, test.printed)
			}
			for i, want := range test.printed {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("printed %q, want %q", lines[i], want)
				}
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"--listen", "unix:a"}, {"--listen", "unix:a", "--connect", "unix:b", "more"}, {"--no-such-flag"}} {
		var stderr bytes.Buffer
		if code := run(context.Background(), args, io.Discard, &stderr); code != 2 || !strings.Contains(stderr.String(), "usage: rpcrelay") {
			t.Errorf("%q: exit %d, %s", args, code, stderr.String())
		}
	}
	var stderr bytes.Buffer
	if code := run(context.Background(), []string{"--listen", "unix:a", "--connect", "file:b"}, io.Discard, &stderr); code != 1 || !strings.Contains(stderr.String(), `"file:b" is neither unix:PATH nor tcp:HOST:PORT`) {
		t.Errorf("exit %d, %s", code, stderr.String())
	}
}
