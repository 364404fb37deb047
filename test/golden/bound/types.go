package bound

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"time"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// What a program had before it had a schema.

type Celsius int

type Handler func(ctx context.Context, x int) int

type Calc interface {
	Summer
	Wait(ctx context.Context, d time.Duration)
	Div(b, a int64) (rest int, q Celsius, err error)
	On(ctx context.Context, f Handler) int
	Shape(p Pt) (*Pt, error)
	Raw(ctx context.Context, raw *Checked) (*Checked, error)
	Words(ctx context.Context, f []float64, w ...Name) ([]Name, []float32)
	Reset()
	Describe(prefix string, more ...int) (string, error)
}

type Summer interface {
	Sum(v ...int) int
}

type Name string

type Base struct{ Y float64 }

type Pt struct {
	X int
	Base
	Name       Name
	Tags       []Name
	Ids        []int
	Opt        *uint64
	Inner      *In
	InnerValue In
	Ok         bool
	Data       []byte
	Pause      time.Duration
	Ratios     []float32
	List       []In
	Deadline   time.Time
	Limit      *time.Time
	Hash       *[4]byte
	Word       *Name
	Place      Place
}

type Place struct {
	Street Name
	At     struct {
		X    int
		Time *time.Time
	}
}

// Crate is a generic type.
type Crate[T any] struct {
	Label   string
	Content T
	Weight  int
	Next    *Crate[T]
	Spare   *T
	ByName  map[string]T
}

// Measured has the fields of Sample under names of its own.
type Measured struct {
	Serial int   `json:"serial" mp:"id"`
	Bounds Range `mp:",inline"`
	Remark
	At   time.Duration
	High string `mp:"-"` // not what the schema calls high
}

type Range struct {
	From float32 `mp:"low"`
	To   float64 `mp:"high"`
}

type Remark struct {
	Text Name `mp:"note"`
}

type In struct{ V string }

// FromURL is the text of a URL, or of none.
func FromURL(u *url.URL) (string, error) {
	if u == nil {
		return "", nil
	}
	return u.String(), nil
}

// Millis is how C++'s std::chrono::duration<double, std::milli> travels.
func Millis(d time.Duration) (float64, error) { return float64(d) / float64(time.Millisecond), nil }

// FromMillis is the way back.
func FromMillis(ms float64) (time.Duration, error) {
	return time.Duration(ms * float64(time.Millisecond)), nil
}

// Checked carries a checksum that no Go code sees.
type Checked struct{ Payload []byte }

// CapnpSize implements mprt.Struct.
func (*Checked) CapnpSize() capnp.ObjectSize { return capnp.ObjectSize{DataSize: 8, PointerCount: 1} }

// MarshalCapnp implements mprt.Struct.
func (c *Checked) MarshalCapnp(b mprt.Builder) {
	b.SetData(0, c.Payload)
	b.SetUint32(0, crc32.ChecksumIEEE(c.Payload))
}

// UnmarshalCapnp implements mprt.Struct.
func (c *Checked) UnmarshalCapnp(r mprt.Reader) {
	c.Payload = r.Data(0)
	if crc32.ChecksumIEEE(c.Payload) != r.Uint32(0) {
		r.Fail(errors.New("wrong checksum"))
	}
}

// Fault is an error.
type Fault struct{ Code int }

func (f *Fault) Error() string { return fmt.Sprint("fault ", f.Code) }

// ShapeKind says what a Shape is.
type ShapeKind int8

// Shape is one of several things.
type Shape struct {
	Label  string
	Kind   ShapeKind
	Radius float32
	Sides  []int
	Box    struct{ W, H int }
	Inner  *In
	State  struct {
		Which uint
		Since time.Duration
	}
	seen bool // nothing of the schema's
}

// Cache is a generic interface.
type Cache[Key, Item any] interface {
	Put(key Key, item Item)
	Get(ctx context.Context, key Key) (Item, error)
	Pairs(ctx context.Context) ([]Pair[Key, Item], error)
	Visit(f Visitor[Item]) error
	Len() int
	Last(keys ...Key) (Item, error)
}

// Visitor is a generic function.
type Visitor[Item any] func(ctx context.Context, item Item) bool
