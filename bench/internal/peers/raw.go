package peers

import (
	"context"
	"encoding/binary"
	"io"
	"net"
)

// rawPeer is the limit: the bytes alone, there and back, with net.Conn's Read and Write and nothing else. It does every workload by a ping-pong of
// the workload's size, each caller on a connection of its own.
type rawPeer struct{}

func (rawPeer) Serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go echo(c)
	}
}

// echo returns every message that comes on c. The first four bytes say how long the messages are.
func echo(c net.Conn) {
	defer c.Close()
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	buf := make([]byte, binary.LittleEndian.Uint32(size[:]))
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

func (rawPeer) Dial(path string) (Client, error) { return &rawClient{path: path}, nil }

type rawClient struct {
	path  string
	conns []net.Conn
}

func (c *rawClient) Caller(_ context.Context, w Workload) (func() error, error) {
	conn, err := net.Dial("unix", c.path)
	if err != nil {
		return nil, err
	}
	c.conns = append(c.conns, conn)
	var size [4]byte
	binary.LittleEndian.PutUint32(size[:], uint32(w.Bytes))
	if _, err := conn.Write(size[:]); err != nil {
		return nil, err
	}
	out, in := newData(w.Bytes), make([]byte, w.Bytes)
	return func() error {
		if _, err := conn.Write(out); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, in)
		return err
	}, nil
}

// Block blocks nobody: connections of their own do not disturb each other.
func (c *rawClient) Block() error   { return nil }
func (c *rawClient) Unblock() error { return nil }

func (c *rawClient) Close() error {
	for _, conn := range c.conns {
		conn.Close()
	}
	return nil
}
