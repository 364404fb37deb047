package vat

import (
	"runtime"
	"testing"

	"capnproto.org/go/capnp/v3"
)

// partGame has a client call a method that returns an object in its own time, and call parts of its results.
type partGame struct {
	t       *testing.T
	boot    *Cap
	started chan *Call
	told    chan error // what the method is told when it is cancelled
	returns chan struct{}
}

func newPartGame(t *testing.T) *partGame {
	g := &partGame{t: t, started: make(chan *Call, 1), told: make(chan error, 1), returns: make(chan struct{})}
	client, _ := pair(t, newFuncServer(func(call *Call) error {
		g.started <- call
		select {
		case err := <-call.exec.(*funcServer).ended:
			g.told <- err
			return err
		case <-g.returns:
		}
		r, err := call.Results(capnp.ObjectSize{PointerCount: 1})
		if err != nil {
			return err
		}
		return r.SetPtr(0, call.AddCap(NewServer(newFuncServer(echo))))
	}), nil)
	g.boot = client.Bootstrap()
	t.Cleanup(g.boot.Release)
	return g
}

func (g *partGame) send(on *Cap) *Question {
	q, err := NewQuestion(on, 1, 0, size11)
	if err != nil {
		g.t.Fatal(err)
	}
	q.Params().SetUint64(0, 5)
	q.Send()
	return q
}

// A caller that is only after what it calls on the results need not wait for them: the call goes on for that.
func TestFinishedCallGoesOnForItsParts(t *testing.T) {
	g := newPartGame(t)
	q := g.send(g.boot)
	part := q.Pipeline(0)
	on := g.send(part)
	part.Release()
	q.Release()
	q.c.flush(flushNoWait) // the Finish, before the method returns
	call := <-g.started
	finished(call)
	close(g.returns)
	if err := on.Wait(t.Context(), nil); err != nil || on.Results().Uint64(0) != 5 {
		t.Error(err)
	}
	on.Release()
}

// finished waits until it has been read that the caller does not wait.
func finished(call *Call) {
	for {
		call.conn.mu.Lock()
		is := call.finished
		call.conn.mu.Unlock()
		if is {
			return
		}
		runtime.Gosched()
	}
}

// When the last of what was called on the results is given up, so is the call.
func TestPartsOfFinishedCallAreGivenUp(t *testing.T) {
	g := newPartGame(t)
	q := g.send(g.boot)
	one, other := q.Pipeline(0), q.Pipeline(1)
	calls := []*Question{g.send(one), g.send(one), g.send(other)}
	one.Release()
	other.Release()
	c := q.c
	q.Release()
	c.flush(flushNoWait)
	finished(<-g.started)
	for i, on := range calls {
		select {
		case err := <-g.told:
			t.Fatalf("the method is told %v while %d calls wait", err, len(calls)-i)
		default:
		}
		on.Release()
		c.flush(flushNoWait)
	}
	if err := <-g.told; err != errFinished {
		t.Error(err)
	}
	left(c, 0)
}
