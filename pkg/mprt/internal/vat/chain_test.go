package vat

import (
	"flag"
	"runtime/debug"
	"testing"

	"capnproto.org/go/capnp/v3"
)

var chainLength = flag.Int("chain.length", 5_000, "links of the chains in TestLongChain")

// prompt is an object that runs its calls where they are accepted: method 0 returns its param, and method 2 when it is
// known what that is. Calls of method 1 are kept.
type prompt struct {
	kept    chan *Call
	dropped chan struct{}
}

func (s *prompt) Accept(call *Call) *Queue {
	switch call.MethodID {
	case 1:
		s.kept <- call
	case 2:
		param(call).WhenResolved(func(c *Cap) { answerWith(call, c.AddRef()) })
	default:
		answerWith(call, param(call).AddRef())
	}
	return nil
}

func (s *prompt) Dropped() { close(s.dropped) }

// answerWith returns a capability.
func answerWith(call *Call, c *Cap) {
	results, err := call.Results(capnp.ObjectSize{PointerCount: 1})
	if err == nil {
		err = results.SetPtr(0, call.AddCap(c))
	}
	if err != nil {
		call.Fail(err)
		return
	}
	call.Return()
}

// A chain of promises may be as long as those who make it like. Here each call is made on, or given, what the one before it
// will return, and none returns before the first. Then all do; or they are given up; or the session ends.
func TestLongChain(t *testing.T) {
	// However long it is, no stack is deep: a process whose stack is too deep ends.
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	for _, test := range []struct {
		name    string
		onParam bool // each call is given the one before, instead of being made on it
		end     string
		method  uint16
	}{
		{"pipelined, resolved", false, "resolve", 0},
		{"pipelined, given up", false, "give up", 0},
		{"pipelined, disconnected", false, "close", 0},
		{"params, resolved", true, "resolve", 0},
		{"params, given up", true, "give up", 0},
		{"params, disconnected", true, "close", 0},
		{"params that are waited for, resolved", true, "resolve", 2},
		{"params that are waited for, given up", true, "give up", 2},
		{"params that are waited for, disconnected", true, "close", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := socketPair(t)
			s := &prompt{make(chan *Call, 1), make(chan struct{})}
			client, server := New(a, nil, Options{}), New(b, NewServer(s), Options{MaxCalls: 2 * *chainLength})
			client.Start()
			server.Start()
			defer server.Close()
			defer client.Close()
			boot := client.Bootstrap()
			var questions []*Question
			ask := func(target *Cap, method uint16, given *Cap) *Cap {
				q, err := NewQuestion(target, 1, method, capnp.ObjectSize{PointerCount: 1})
				if err == nil {
					err = q.Params().SetPtr(0, q.AddCap(given))
				}
				if err != nil {
					t.Fatal(err)
				}
				q.Send()
				questions = append(questions, q)
				return q.Pipeline(0)
			}
			link := ask(boot, 1, nil)
			for range *chainLength {
				next := link
				if test.onParam {
					link = ask(boot, test.method, next)
				} else {
					link = ask(next, 0, boot.AddRef())
					next.Release()
				}
			}
			client.flush(flushNoWait)
			first := <-s.kept
			switch test.end {
			case "resolve":
				own := newFuncServer(echo)
				target := NewServer(own)
				if !test.onParam {
					target.Release()
					target = server.bootstrap.AddRef()
				}
				answerWith(first, target)
				for _, q := range questions {
					if err := q.Wait(t.Context(), nil); err != nil {
						t.Fatal(err)
					}
				}
			case "close":
				client.Close()
				first.Fail(ErrClosed)
			}
			link.Release()
			for _, q := range questions {
				q.Release()
			}
			boot.Release()
			if test.end == "give up" {
				first.Fail(ErrClosed)
			}
			client.Close()
			server.Close()
			<-s.dropped
		})
	}
}

// Promises that a peer has lead to each other in a chain are followed as far as maxChain, for other connections wait meanwhile.
func TestChainWithoutEnd(t *testing.T) {
	c := &Conn{}
	chain := make([]*Cap, maxChain+2)
	for i := range chain {
		chain[i] = newPromise(importedPromise, c)
	}
	for i, p := range chain[1:] {
		chain[i].resolve(p.AddRef(), false) // from its beginning, so that it stays as long
	}
	for _, test := range []struct {
		at int
		ok bool
	}{{len(chain) - 1, true}, {1, true}, {0, false}} {
		p := newPromise(importedPromise, c)
		p.resolve(chain[test.at].AddRef(), false)
		if err := p.Broken(); (err == nil) != test.ok {
			t.Errorf("a promise that becomes the one %d from the end: %v", len(chain)-1-test.at, err)
		}
	}
	own := newPromise(importedPromise, c)
	own.resolve(own.AddRef(), false)
	if own.Broken() == nil {
		t.Error("a promise has become itself")
	}
}
