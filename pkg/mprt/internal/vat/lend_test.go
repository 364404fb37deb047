package vat

import (
	"bytes"
	"errors"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// What is lent changes as soon as the caller may change it again, while the peer has read only what the socket holds.
// It must read what was sent.
func TestLentDataDoesNotChange(t *testing.T) {
	for _, test := range []struct {
		name string
		// change makes the caller go on, and returns when it has changed the data.
		change func(p *passingPeer, q *Question, data []byte)
	}{
		{"answered before it is read", func(p *passingPeer, q *Question, data []byte) {
			id := q.id
			p.send(func(m rpc.Message) error {
				r, err := m.NewReturn()
				r.SetAnswerId(id)
				_, err2 := r.NewResults()
				return errors.Join(err, err2)
			})
			if err := q.Wait(t.Context(), nil); err != nil {
				t.Error(err)
			}
			clear(data)
			q.Release()
		}},
		{"called back before it is read", func(p *passingPeer, q *Question, data []byte) {
			own := &p.object.queue
			own.Acquire()
			defer own.Yield()
			changed := make(chan struct{})
			p.object.f = func(call *Call) error {
				clear(data)
				close(changed)
				return nil
			}
			p.send(func(m rpc.Message) error {
				c, err := m.NewCall()
				c.SetQuestionId(1)
				to, err2 := c.NewTarget()
				to.SetImportedCap(0)
				_, err3 := c.NewParams()
				return errors.Join(err, err2, err3)
			})
			waited := make(chan struct{})
			go func() {
				defer close(waited)
				if err := q.Wait(t.Context(), own); !errors.Is(err, ErrDisconnected) {
					t.Error(err)
				}
				q.Release()
			}()
			<-changed
			t.Cleanup(func() { <-waited })
		}},
		{"let go without a wait", func(p *passingPeer, q *Question, data []byte) {
			q.Release()
			clear(data)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPassingPeer(t)
			p.expect(rpc.Message_Which_bootstrap)
			p.send(func(m rpc.Message) error {
				r, err := m.NewReturn()
				payload, err2 := r.NewResults()
				table, err3 := payload.NewCapTable(1)
				table.At(0).SetSenderHosted(0)
				return errors.Join(err, err2, err3, payload.SetContent(capnp.NewInterface(payload.Segment(), 0).ToPtr()))
			})
			p.send(func(m rpc.Message) error {
				_, err := m.NewBootstrap()
				return err
			})
			known := make(chan struct{})
			p.boot.WhenResolved(func(*Cap) { close(known) })
			<-known
			p.expect(rpc.Message_Which_finish)
			p.expect(rpc.Message_Which_return)

			want := bytes.Repeat([]byte("lent"), 1<<20)
			data := bytes.Clone(want)
			q, err := NewQuestion(p.boot, 1, 0, size11)
			if err != nil {
				t.Fatal(err)
			}
			if lent, err := q.Lend(0, data); err != nil || !lent {
				t.Fatalf("lent: %v, %v", lent, err)
			}
			q.Post()
			// Somebody writes what the socket takes, and goes on when it takes more.
			p.conn.flush(flushCaller)
			test.change(p, q, data)

			p.in.MaxMessageSize = 64 << 20
			_, params := p.expectCall()
			content, err := params.Content()
			if err != nil {
				t.Fatal(err)
			}
			got, err := content.Struct().Ptr(0)
			if err != nil {
				t.Fatal(err)
			}
			if b := got.Data(); !bytes.Equal(b, want) {
				t.Errorf("the peer reads %d bytes that are others from the %d-th on", len(b), len(b)-len(bytes.TrimLeft(b, "lent")))
			}
		})
	}
}
