package mprt

import (
	"unsafe"

	"capnproto.org/go/capnp/v3"
)

// SetTexts writes a list of texts to the i-th pointer; nil is null.
func SetTexts[T ~string](b Builder, i uint16, v []T) {
	if v != nil {
		b.SetPtr(i, encodeTexts(b, v))
	}
}

// GetTexts reads a list of texts from the i-th pointer; null is nil.
func GetTexts(r Reader, i uint16) []string { return decodeTexts(r, r.Ptr(i)) }

func encodeTexts[T ~string](b Builder, v []T) capnp.Ptr {
	total := 0
	for _, s := range v {
		total += textSize(string(s))
	}
	l, texts, ok := newTexts(b, len(v), total)
	if !ok {
		return capnp.Ptr{}
	}
	for k, s := range v {
		texts.Set(k, string(s))
	}
	return l.ToPtr()
}

func decodeTexts(r Reader, p capnp.Ptr) []string {
	l, ok := pointerList(r, p)
	if !ok || !r.charge(l.Len(), unsafe.Sizeof(*new(string))) {
		return nil
	}
	r.expectTexts(l.Len())
	v := make([]string, l.Len())
	for k := range v {
		v[k] = r.text(at(r, l, k))
	}
	return v
}

func newText(b Builder, s string) capnp.Ptr {
	t, err := capnp.NewText(b.Segment(), s)
	if err != nil {
		b.SetErr(err)
		return capnp.Ptr{}
	}
	return t.ToPtr()
}

// SetTextSet writes a set of texts to the i-th pointer, in no particular
// order; nil is null.
func SetTextSet(b Builder, i uint16, v map[string]struct{}) {
	if v == nil {
		return
	}
	l, texts, ok := newTexts(b, len(v), textSizes(v))
	if !ok {
		return
	}
	b.SetPtr(i, l.ToPtr())
	k := 0
	for s := range v {
		texts.Set(k, s)
		k++
	}
}

// GetTextSet reads a set of texts from the i-th pointer; null is nil.
func GetTextSet(r Reader, i uint16) map[string]struct{} {
	l, ok := pointerList(r, r.Ptr(i))
	if !ok || !r.charge(l.Len(), pairSize) {
		return nil
	}
	r.expectTexts(l.Len())
	v := make(map[string]struct{}, l.Len())
	for k := range l.Len() {
		v[r.text(at(r, l, k))] = struct{}{}
	}
	return v
}

// SetOptionalText writes a text to the i-th pointer; nil is null.
func SetOptionalText(b Builder, i uint16, v *string) {
	if v != nil {
		b.SetText(i, *v)
	}
}

// GetOptionalText reads a text from the i-th pointer; null is nil.
func GetOptionalText(r Reader, i uint16) *string {
	return Optional(r.HasPtr(i), r.Text(i))
}

// GetTextOr reads a text from the i-th pointer; null is def.
func GetTextOr(r Reader, i uint16, def string) string {
	if !r.HasPtr(i) {
		return def
	}
	return r.Text(i)
}

// SetDatas writes a list of Data to the i-th pointer; nil is null, also in the
// list.
func SetDatas(b Builder, i uint16, v [][]byte) {
	if v != nil {
		b.SetPtr(i, encodeDatas(b, v))
	}
}

// GetDatas reads a list of Data from the i-th pointer; null is nil, also in
// the list.
func GetDatas(r Reader, i uint16) [][]byte { return decodeDatas(r, r.Ptr(i)) }

func encodeDatas(b Builder, v [][]byte) capnp.Ptr {
	l, ok := newPointers(b, len(v))
	if !ok {
		return capnp.Ptr{}
	}
	for k, d := range v {
		if d != nil {
			setAt(b, l, k, newData(b, d))
		}
	}
	return capnp.List(l).ToPtr()
}

func decodeDatas(r Reader, p capnp.Ptr) [][]byte {
	l, ok := pointerList(r, p)
	if !ok || !r.charge(l.Len(), unsafe.Sizeof(*new([]byte))) {
		return nil
	}
	v := make([][]byte, l.Len())
	for k := range v {
		v[k] = r.data(at(r, l, k))
	}
	return v
}

func newData(b Builder, d []byte) capnp.Ptr {
	t, err := capnp.NewData(b.Segment(), d)
	if err != nil {
		b.SetErr(err)
		return capnp.Ptr{}
	}
	return t.ToPtr()
}

// data copies the Data that p points at, unless it is borrowed; nil if it is null.
func (r Reader) data(p capnp.Ptr) []byte {
	if !p.IsValid() {
		return nil
	}
	d := p.Data()
	if r.dec != nil && r.dec.borrows {
		return d[:len(d):len(d)]
	}
	if !r.charge(len(d), 1) {
		return nil
	}
	return append([]byte{}, d...)
}

// Texts is the [Codec] of Text.
type Texts struct{}

// Encode implements [Codec].
func (Texts) Encode(b Builder, v string) capnp.Ptr { return newText(b, v) }

// Decode implements [Codec].
func (Texts) Decode(r Reader, p capnp.Ptr) string { return r.text(p) }

// EncodeList implements [Codec].
func (Texts) EncodeList(b Builder, v []string) capnp.Ptr {
	if v == nil {
		return capnp.Ptr{}
	}
	return encodeTexts(b, v)
}

// DecodeList implements [Codec].
func (Texts) DecodeList(r Reader, p capnp.Ptr) []string { return decodeTexts(r, p) }

// Datas is the [Codec] of Data.
type Datas struct{}

// Encode implements [Codec].
func (Datas) Encode(b Builder, v []byte) capnp.Ptr {
	if v == nil {
		return capnp.Ptr{}
	}
	return newData(b, v)
}

// Decode implements [Codec].
func (Datas) Decode(r Reader, p capnp.Ptr) []byte { return r.data(p) }

// EncodeList implements [Codec].
func (Datas) EncodeList(b Builder, v [][]byte) capnp.Ptr {
	if v == nil {
		return capnp.Ptr{}
	}
	return encodeDatas(b, v)
}

// DecodeList implements [Codec].
func (Datas) DecodeList(r Reader, p capnp.Ptr) [][]byte { return decodeDatas(r, p) }
