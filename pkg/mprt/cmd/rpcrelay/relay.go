package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/rpctext"
)

// relay joins each client to a connection of its own to the server.
type relay struct {
	server  string
	options rpctext.Options

	mu  sync.Mutex // guards out, so that lines come whole and in the order in which messages pass
	out io.Writer
}

// address splits "network:address" into what package net wants.
func address(s string) (network, addr string, err error) {
	network, addr, _ = strings.Cut(s, ":")
	if (network != "unix" && network != "tcp") || addr == "" {
		return "", "", fmt.Errorf("%q is neither unix:PATH nor tcp:HOST:PORT", s)
	}
	return network, addr, nil
}

// run accepts clients until ctx is done, and returns when every connection has ended.
func (r *relay) run(ctx context.Context, listen string) error {
	network, addr, err := address(listen)
	if err != nil {
		return err
	}
	if _, _, err := address(r.server); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, network, addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	var connections sync.WaitGroup
	defer connections.Wait()
	for n := 1; ; n++ {
		client, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		connections.Go(func() { r.join(ctx, n, client) })
	}
}

// join passes bytes between a client and the server until both have ended or ctx is done.
func (r *relay) join(ctx context.Context, n int, client net.Conn) {
	defer client.Close()
	network, addr, _ := address(r.server)
	server, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		r.print(n, "--", "no server: "+err.Error())
		return
	}
	defer server.Close()
	stop := context.AfterFunc(ctx, func() {
		client.Close()
		server.Close()
	})
	defer stop()
	r.print(n, "--", "connected")
	var directions sync.WaitGroup
	directions.Go(func() { r.pass(n, "→", server, client) })
	directions.Go(func() { r.pass(n, "←", client, server) })
	directions.Wait()
}

func (r *relay) print(n int, direction, text string) {
	line := fmt.Sprintf("%s %d %s %s\n", time.Now().Format("15:04:05.000000"), n, direction, text)
	r.mu.Lock()
	defer r.mu.Unlock()
	io.WriteString(r.out, line)
}

// pass prints and passes on one direction's frames until it ends, and then ends the other side's input as well.
func (r *relay) pass(n int, direction string, dst, src net.Conn) {
	defer func() {
		if half, ok := dst.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		} else {
			dst.Close()
		}
	}()
	for {
		frame, err := readFrame(src)
		if len(frame) > 0 && err == nil {
			r.print(n, direction, r.text(frame))
		}
		// Printed before it is passed on: no answer can be printed before its question.
		if _, werr := dst.Write(frame); werr != nil {
			r.print(n, direction, "the receiver is gone: "+werr.Error())
			src.Close()
			return
		}
		switch {
		case err == nil:
		case errors.Is(err, errNoFrame):
			r.print(n, direction, fmt.Sprintf("%v (% x); what follows passes unread", err, frame))
			io.Copy(dst, src)
			r.print(n, direction, "end")
			return
		case err == io.EOF:
			r.print(n, direction, "end")
			return
		default:
			r.print(n, direction, fmt.Sprintf("ended after %d bytes of a frame: %v", len(frame), err))
			return
		}
	}
}

func (r *relay) text(frame []byte) string {
	msg, err := capnp.Unmarshal(frame)
	if err != nil {
		return "!(" + err.Error() + ")"
	}
	return rpctext.String(msg, r.options)
}

var errNoFrame = errors.New("no frame")

const (
	maxSegments  = 512
	maxFrameSize = 1 << 30 // bytes; more than any peer accepts
)

// readFrame reads one message in the framing of a stream: the number of segments less one and each segment's size in
// words, as 32-bit numbers padded to a word, then the segments. With any error it returns what it has read. io.EOF is
// the end between frames; errNoFrame means that the header makes no sense.
func readFrame(r io.Reader) ([]byte, error) {
	frame, err := readMore(r, nil, 4)
	if err != nil {
		return frame, err
	}
	segments := uint64(binary.LittleEndian.Uint32(frame)) + 1
	if segments > maxSegments {
		return frame, fmt.Errorf("%w: %d segments", errNoFrame, segments)
	}
	header := int((4 + 4*segments + 7) &^ 7)
	if frame, err = readMore(r, frame, header-4); err != nil {
		return frame, err
	}
	size := uint64(0)
	for i := range segments {
		size += 8 * uint64(binary.LittleEndian.Uint32(frame[4+4*i:]))
	}
	if size > maxFrameSize {
		return frame, fmt.Errorf("%w: %d bytes", errNoFrame, size)
	}
	return readMore(r, frame, int(size))
}

// readMore appends n bytes from r to b. It trusts n only as far as bytes arrive.
func readMore(r io.Reader, b []byte, n int) ([]byte, error) {
	const step = 1 << 20
	empty := len(b) == 0
	for n > 0 {
		at := len(b)
		b = append(b, make([]byte, min(n, step))...)
		got, err := io.ReadFull(r, b[at:])
		b = b[:at+got]
		if err != nil {
			if err == io.EOF && !(empty && len(b) == 0) {
				err = io.ErrUnexpectedEOF
			}
			return b, err
		}
		n -= got
	}
	return b, nil
}
