package mprt

import (
	"errors"
	"fmt"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Builder writes the fields of one struct of a call: its params, its results
// or a struct within. Numbers are set by the methods of the embedded
// capnp.Struct. Errors, such as a message that becomes too large, are kept and
// make the call fail; nothing has to be checked on the way.
type Builder struct {
	capnp.Struct
	enc *encoder
}

// encoder is what the builders of one call share.
type encoder struct {
	conn *Conn // nil outside of a call
	caps interface {
		AddCap(*vat.Cap) capnp.Ptr
		Lend(i uint16, data []byte) (bool, error)
	}
	// lends is the struct whose large data need not be copied: the params or
	// the results themselves.
	lends capnp.Struct
	err   error
	depth int // of the struct that is being written
}

// newBuilder returns a builder outside of any call, and what its errors come
// out of.
func newBuilder(s capnp.Struct) (Builder, func() error) {
	enc := &encoder{}
	return Builder{s, enc}, func() error { return enc.err }
}

// SetErr makes the call fail with err, unless it fails already.
func (b Builder) SetErr(err error) {
	if err != nil && b.enc.err == nil {
		b.enc.err = err
	}
}

// With returns a builder for another struct of the same call.
func (b Builder) With(s capnp.Struct) Builder { return Builder{s, b.enc} }

// SetText sets the i-th pointer to a text, which is written also if it is
// empty.
func (b Builder) SetText(i uint16, v string) { b.SetErr(b.Struct.SetNewText(i, v)) }

// SetData sets the i-th pointer to v; nil is null. v must not change until
// [ClientCall.Do], or [ClientCall.Start], has returned.
func (b Builder) SetData(i uint16, v []byte) {
	if len(v) >= lendLimit && b.enc.lends == b.Struct {
		if lent, err := b.enc.caps.Lend(i, v); lent {
			b.SetErr(err)
			return
		}
	}
	b.SetErr(b.Struct.SetData(i, v))
}

// lendLimit is the size in bytes from which data is written from where it is.
const lendLimit = 16 << 10

// SetPtr sets the i-th pointer.
func (b Builder) SetPtr(i uint16, p capnp.Ptr) { b.SetErr(b.Struct.SetPtr(i, p)) }

// NewStruct sets the i-th pointer to a new struct.
func (b Builder) NewStruct(i uint16, size capnp.ObjectSize) Builder {
	s, err := capnp.NewStruct(b.Segment(), size)
	if err != nil {
		b.SetErr(err)
		// A struct of the same size elsewhere keeps what follows from failing
		// in worse ways.
		_, seg := capnp.NewSingleSegmentMessage(nil)
		s, _ = capnp.NewStruct(seg, size)
		return b.With(s)
	}
	b.SetPtr(i, s.ToPtr())
	return b.With(s)
}

// SetCapability sets the i-th pointer to c, which it takes over.
func (b Builder) SetCapability(i uint16, c Capability) {
	if !c.IsNull() {
		b.SetPtr(i, b.CapPtr(c))
	}
}

var errNoCall = errors.New("objects can only be passed in a call")

// CapPtr returns a pointer to c, which it takes over, to be put somewhere in
// the message.
func (b Builder) CapPtr(c Capability) capnp.Ptr {
	if c.IsNull() {
		return capnp.Ptr{}
	}
	if b.enc.caps == nil {
		c.Release()
		b.SetErr(errNoCall)
		return capnp.Ptr{}
	}
	return b.enc.caps.AddCap(c.cap)
}

// Reader reads the fields of one struct of a call: its params, its results or
// a struct within. Numbers are read by the methods of the embedded
// capnp.Struct; the zero Reader reads a struct without any field set. Errors
// of malformed input are kept: check Err once before using what was read.
type Reader struct {
	capnp.Struct
	dec *decoder
}

// decoder is what the readers of one call share.
type decoder struct {
	caps interface {
		CapAt(capnp.Ptr) (*vat.Cap, error)
	}
	call *ServerCall // whose params are read
	// borrows says that Data is not copied: WithBorrowedData.
	borrows bool

	err   error
	made  int64 // bytes of memory that was decoded
	asked int64 // how far made may go before it is held against the limits again
	held  int64 // of made, what the connection counts
	read  int64 // bytes that were read beside go-capnp, and how many may be
	may   int64
	texts sharedTexts
	// back is the call that returned, for errors.
	back *ClientCall
}

// newReader returns a reader outside of any call, and what its errors come out
// of.
func newReader(s capnp.Struct) (Reader, func() error) {
	dec := &decoder{}
	return Reader{s, dec}, func() error { return dec.err }
}

// Fail makes the call fail with err, unless it fails already.
func (r Reader) Fail(err error) {
	if err != nil && r.dec != nil && r.dec.err == nil {
		r.dec.err = err
	}
}

// Err is the first error of all that was read in the call.
func (r Reader) Err() error {
	if r.dec == nil || r.dec.err == nil {
		return nil
	}
	if _, refused := r.dec.err.(*vat.Exception); refused {
		return r.dec.err // it is not the message's fault
	}
	err := fmt.Errorf("malformed message: %w", r.dec.err)
	if c := r.dec.back; c != nil {
		return c.error(err)
	}
	return err
}

// With returns a reader for another struct of the same call.
func (r Reader) With(s capnp.Struct) Reader { return Reader{s, r.dec} }

// Ptr returns the i-th pointer.
func (r Reader) Ptr(i uint16) capnp.Ptr {
	p, err := r.Struct.Ptr(i)
	if err != nil {
		r.Fail(err)
	}
	return p
}

// Text returns the text at the i-th pointer, empty for null.
func (r Reader) Text(i uint16) string {
	if mem, n, ok := r.list(i, byteElems); ok {
		if n <= 1 || mem[n-1] != 0 || !r.charge(n, 1) {
			return ""
		}
		return r.copyText(mem[:n-1])
	}
	p, err := r.Struct.Ptr(i)
	if err != nil {
		r.Fail(err)
	}
	return r.text(p)
}

// Data returns a copy of the data at the i-th pointer, or the data itself with
// [WithBorrowedData]; nil for null.
func (r Reader) Data(i uint16) []byte { return r.data(r.Ptr(i)) }

// StructAt returns the struct at the i-th pointer; for null, a reader that is
// not valid and reads a struct without any field set.
func (r Reader) StructAt(i uint16) Reader { return r.With(r.Ptr(i).Struct()) }

// Capability returns a new reference to the object at the i-th pointer.
func (r Reader) Capability(i uint16) Capability { return r.CapAt(r.Ptr(i)) }

// CapAt returns a new reference to the object that p points to.
func (r Reader) CapAt(p capnp.Ptr) Capability {
	if !p.IsValid() {
		return Capability{}
	}
	if r.dec == nil || r.dec.caps == nil {
		r.Fail(errNoCall)
		return Capability{}
	}
	c, err := r.dec.caps.CapAt(p)
	if err != nil {
		r.Fail(err)
		return Capability{}
	}
	return Capability{cap: c.AddRef(), from: r.dec.call}
}
