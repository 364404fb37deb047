package main

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

func field(number uint64, content string) string {
	b := binary.AppendUvarint(nil, number<<3|2)
	return string(binary.AppendUvarint(b, uint64(len(content)))) + content
}

func number(n, value uint64) string {
	return string(binary.AppendUvarint(binary.AppendUvarint(nil, n<<3), value))
}

func TestRender(t *testing.T) {
	attribute := field(1, "srcs") + field(2, "The files:\n a | b.") + number(3, 7) + field(5, field(1, "FooInfo")) + field(6, "[]")
	needed := field(1, "path") + number(3, 4) + number(4, 1)
	tool := field(1, "tool") + number(3, 3) + field(6, `"@@//rules:tool"`)
	rule := field(1, "foo_library") + field(2, "A library.\n") + field(3, field(1, "name")) + field(3, attribute) + field(3, needed) + field(3, tool)
	provider := field(1, "FooInfo") + field(2, "What it has.") + field(3, field(1, "files")+field(2, "list of File"))
	function := field(1, "foo") + field(2, field(1, "kwargs")) + field(3, "Does it.")
	out, err := render([]byte(field(5, "Rules.") + field(2, provider) + field(1, rule) + field(3, function)))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nRules.\n\n## foo_library\n\nA library.\n\n| attribute |",
		"| `srcs` | list of labels with FooInfo | `[]` | The files: a \\| b. |\n| `path` | string | required |  |\n| `tool` | label | `\"@mpgo//rules:tool\"` |  |\n",
		"## foo\n\nDoes it.\n",
		"| `kwargs` |  |  |\n",
		"# Providers\n\n## FooInfo\n\nWhat it has.\n\n- `files`: list of File\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing from\n%s", want, out)
		}
	}
}

func TestRenderDamaged(t *testing.T) {
	whole := field(1, field(1, "foo")+field(3, field(1, "srcs")+number(3, 7)))
	for end := 1; end < len(whole); end++ {
		if _, err := render([]byte(whole[:end])); !errors.Is(err, errWire) {
			t.Errorf("of %d bytes: %v", end, err)
		}
	}
}
