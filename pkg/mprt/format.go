package mprt

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// formatLimit is the length at which Format cuts a struct, in bytes.
const formatLimit = 1024

// Format returns a struct for people to read: its fields by name, cut at 1 KiB.
// It is the String method of generated structs.
func Format(v any) string {
	var b formatter
	b.value(reflect.ValueOf(v), 0)
	return b.String()
}

type formatter struct {
	strings.Builder
	cut bool
}

// full reports whether there is no more room.
func (b *formatter) full() bool { return b.cut }

func (b *formatter) add(s string) {
	switch room := formatLimit - b.Len(); {
	case b.cut:
	case len(s) > room:
		b.WriteString(strings.ToValidUTF8(s[:room], ""))
		b.WriteString("…")
		b.cut = true
	default:
		b.WriteString(s)
	}
}

func (b *formatter) value(v reflect.Value, depth int) {
	if b.full() {
		return
	}
	if depth > 16 {
		b.add("…")
		return
	}
	// What has a String method of its own, such as an enum or a time.Time, is
	// shown by it. Generated structs have one on their pointers only; here their
	// fields are shown one by one, within the limit for the whole.
	if depth > 0 && v.IsValid() && v.CanInterface() && v.Kind() != reflect.Interface && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		_, ours := v.Interface().(Struct)
		if s, ok := v.Interface().(fmt.Stringer); ok && !ours {
			b.add(s.String())
			return
		}
	}
	switch v.Kind() {
	case reflect.Invalid:
		b.add("nil")
	case reflect.Pointer:
		if v.IsNil() {
			b.add("nil")
			return
		}
		b.value(v.Elem(), depth)
	case reflect.Struct:
		b.fields(v, depth)
	case reflect.String:
		b.add(strconv.Quote(clip(v.String())))
	case reflect.Slice, reflect.Array:
		b.list(v, depth)
	case reflect.Map:
		b.entries(v, depth)
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() {
			b.add("nil")
			return
		}
		if v.Kind() == reflect.Interface {
			b.add("<" + v.Elem().Type().String() + ">")
			return
		}
		b.add("<" + v.Type().String() + ">")
	default:
		b.add(fmt.Sprint(v.Interface()))
	}
}

// clip saves quoting what will be cut anyway.
func clip(s string) string {
	if len(s) > formatLimit {
		return s[:formatLimit]
	}
	return s
}

func (b *formatter) fields(v reflect.Value, depth int) {
	b.add("{")
	first := true
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		if !first {
			b.add(" ")
		}
		first = false
		b.add(f.Name + ":")
		b.value(v.Field(i), depth+1)
	}
	b.add("}")
}

func (b *formatter) list(v reflect.Value, depth int) {
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		d := v.Bytes()
		if len(d) > 32 {
			b.add(fmt.Sprintf("%x…(%d bytes)", d[:32], len(d)))
			return
		}
		b.add(fmt.Sprintf("%x", d))
		return
	}
	b.add("[")
	for i := range v.Len() {
		if b.full() {
			return
		}
		if i > 0 {
			b.add(" ")
		}
		b.value(v.Index(i), depth+1)
	}
	b.add("]")
}

func (b *formatter) entries(v reflect.Value, depth int) {
	set := v.Type().Elem().Kind() == reflect.Struct && v.Type().Elem().NumField() == 0
	keys := v.MapKeys()
	if len(keys) <= sortLimit {
		slices.SortFunc(keys, func(x, y reflect.Value) int { return compare(x, y) })
	}
	b.add("{")
	for i, k := range keys {
		if b.full() {
			return
		}
		if i > 0 {
			b.add(" ")
		}
		b.value(k, depth+1)
		if !set {
			b.add(":")
			b.value(v.MapIndex(k), depth+1)
		}
	}
	b.add("}")
}

// sortLimit is the size of a map up to which its entries are put in order.
const sortLimit = 256

func compare(x, y reflect.Value) int {
	switch {
	case x.CanInt():
		return cmp.Compare(x.Int(), y.Int())
	case x.CanUint():
		return cmp.Compare(x.Uint(), y.Uint())
	case x.CanFloat():
		return cmp.Compare(x.Float(), y.Float())
	}
	return cmp.Compare(x.String(), y.String())
}
