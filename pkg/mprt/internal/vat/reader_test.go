package vat

import (
	"context"
	"net"
	"testing"

	"capnproto.org/go/capnp/v3"
)

// keepingServer keeps calls of method 1, and runs others.
type keepingServer struct {
	*funcServer
	kept chan *Call
}

func (s keepingServer) Accept(call *Call) *Queue {
	if call.MethodID != 1 {
		return s.funcServer.Accept(call)
	}
	call.SetExec(s)
	s.kept <- call
	return nil
}

// Whoever waits for a slow call does not go on reading the returns of quick
// ones, whose callers would have to be woken for each.
func TestLeaderOfSlowCallYields(t *testing.T) {
	s := keepingServer{newFuncServer(echo), make(chan *Call, 1)}
	client, _ := pair(t, s, nil)
	boot := client.Bootstrap()
	defer boot.Release()
	call(t, boot) // the role is vacant then

	slow, err := NewQuestion(boot, 1, 1, size11)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Release()
	slow.Send()
	ended := make(chan error)
	go func() { ended <- slow.Wait(context.Background(), nil) }()
	kept := <-s.kept
	waits(slow)

	for calls, without := 0, 0; without < 1000; calls++ {
		if calls == 1<<18 {
			t.Fatal("the slow call's goroutine reads for all others")
		}
		call(t, boot)
		without++
		if client.leads(slow) {
			without = 0
		}
	}
	kept.Return()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// leads says whether the goroutine that waits for q has the reader role.
func (c *Conn) leads(q *Question) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leader == q
}

func call(t *testing.T, target *Cap) {
	t.Helper()
	q, err := NewQuestion(target, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Release()
	q.Post()
	if err := q.Wait(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
}

// Who reads nothing has not come to the end of a stream.
func TestReadOfNothing(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	c := New(near, NewServer(newFuncServer(echo)), Options{})
	defer c.Close()
	c.Start()
	m := frame(t, bootstrapMessage)
	for _, b := range [][]byte{nil, m[:9], nil, m[9:]} {
		if _, err := far.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := capnp.NewDecoder(far).Decode(); err != nil {
		t.Error(err)
	}
}
