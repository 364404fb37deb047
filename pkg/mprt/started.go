package mprt

import "errors"

var errFinished = errors.New("call finished already: its results can be had once")

// Started is a call under way: generated types embed it and add a Wait with
// the method's results, and for each object among the results a method that
// gives it before it is there. It is for one goroutine at a time.
type Started struct {
	call *ClientCall
	err  error
}

// Start sends a call, unless making it failed already with err.
func Start(call *ClientCall, err error) Started {
	if err == nil {
		call.Start()
	}
	return Started{call, err}
}

// Results waits for the results. They are valid until Finish.
func (s *Started) Results() (Reader, error) {
	if s.err != nil {
		return Reader{}, s.err
	}
	return s.call.Wait()
}

// Pipeline is the object that the pointers path lead to from the results. It
// can be called at once: the peer delivers the calls as soon as it has it, so
// that a chain of calls takes one round trip.
func (s *Started) Pipeline(path ...uint16) Capability {
	if s.err != nil {
		return Broken(s.err)
	}
	return s.call.Pipeline(path...)
}

// Finish ends the call: if its results are not there yet, nobody wants them
// any more. Wait does it too; whoever does not wait has to call it. Objects
// got from the call stay valid.
func (s *Started) Finish() {
	if s.call != nil {
		s.call.Finish()
	}
	*s = Started{err: errFinished}
}
