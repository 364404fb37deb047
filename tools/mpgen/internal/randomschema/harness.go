package randomschema

import (
	"fmt"
	"strings"
)

// harness is a file with an interface, RandomHarness, that hands out objects of
// all interfaces, generic ones with arguments.
func (g *generator) harness() string {
	var b strings.Builder
	fmt.Fprintf(&b, "@%#x;\nusing Proxy = import \"/mp/proxy.capnp\";\ninterface RandomHarness {\n"+
		"  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);\n", g.Uint64()|1<<63)
	n := 1
	for _, f := range g.files {
		f.walk(func(d *decl) {
			if d.kind != interfaceDecl {
				return
			}
			text := fmt.Sprintf("import %q", f.name)
			for _, p := range d.path() {
				text += "." + p.name
				var args []string
				for range p.params {
					args = append(args, pick(g, []string{"Text", "Data", "List(Int16)", "List(Text)", "AnyPointer"}))
				}
				if args != nil {
					text += "(" + strings.Join(args, ", ") + ")"
				}
			}
			fmt.Fprintf(&b, "  get%d @%d (context :Proxy.Context) -> (result :%s);\n", n, n, text)
			n++
		})
	}
	b.WriteString("}\n")
	return b.String()
}
