package model

// A generic type may contain itself with larger arguments, as in
// 'struct Nest(T) { inner @0 :Nest(Pair(T, T)); }'. That makes infinitely many
// types, which Go does not have. Such an argument becomes AnyPointer, which is
// the same on the wire.

// use is a generic declaration with arguments.
type use struct {
	params []*Param
	args   []*Type // may be replaced
}

// makeRegular replaces the arguments that grow without end.
func makeRegular(uses []use) {
	// Where a parameter goes: as an argument, or as a part of one.
	edges := map[Param][]Param{}
	for _, u := range uses {
		for i, p := range u.params {
			for _, from := range u.args[i].paramsIn(nil) {
				edges[from] = append(edges[from], *p)
			}
		}
	}
	for _, u := range uses {
		for i, p := range u.params {
			if u.args[i].Kind == ParamOf {
				continue
			}
			for _, from := range u.args[i].paramsIn(nil) {
				if reaches(edges, *p, from, map[Param]bool{}) {
					*u.args[i] = Type{Kind: AnyPointer}
					break
				}
			}
		}
	}
}

// paramsIn appends the type parameters that a type depends on.
func (t *Type) paramsIn(list []Param) []Param {
	if t == nil {
		return list
	}
	if t.Kind == ParamOf {
		list = append(list, *t.Param)
	}
	for _, a := range t.Args {
		list = a.paramsIn(list)
	}
	return t.Elem.paramsIn(list)
}

func reaches(edges map[Param][]Param, from, to Param, seen map[Param]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, next := range edges[from] {
		if reaches(edges, next, to, seen) {
			return true
		}
	}
	return false
}
