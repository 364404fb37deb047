// Command rulesdoc writes Markdown about the rules, functions and providers of
// a .bzl file, from what Bazel's rule starlark_doc_extract says about it:
//
//	rulesdoc def.binaryproto rules.md
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"log"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: rulesdoc EXTRACT OUT")
	}
	extract, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	out, err := render(extract)
	if err != nil {
		log.Fatalf("%s: %v", os.Args[1], err)
	}
	if err := os.WriteFile(os.Args[2], out, 0o666); err != nil {
		log.Fatal(err)
	}
}

// Fields of stardoc_output.ModuleInfo and of what it has.
const (
	moduleRules     = 1
	moduleProviders = 2
	moduleFunctions = 3
	moduleDoc       = 5

	// Of rules, providers, attributes, fields and params alike.
	itemName = 1
	itemDoc  = 2

	ruleAttributes = 3

	attributeType      = 3
	attributeMandatory = 4
	attributeProviders = 5
	attributeDefault   = 6

	providerFields = 3

	functionParams = 2
	functionDoc    = 3
	paramDefault   = 3
	paramMandatory = 4
)

var attributeTypes = map[uint64]string{
	1: "name", 2: "integer", 3: "label", 4: "string", 5: "list of strings", 6: "list of integers", 7: "list of labels", 8: "boolean",
	9: "dictionary: label → string", 10: "dictionary: string → string", 11: "dictionary: string → list of strings", 12: "output",
	13: "list of outputs", 14: "dictionary: label → list of strings",
}

// ownLabel is the start of a label of ours, which Bazel writes in one way or
// another, depending on how the repository is loaded.
var ownLabel = regexp.MustCompile(`"@*[\w~+]*//`)

func render(extract []byte) ([]byte, error) {
	module, err := decode(extract)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("<!-- Written by //docs:rules_md from the sources of the rules; do not edit. -->\n\n# Rules\n\n")
	fmt.Fprintf(&b, "```starlark\nload(\"@mpgo//rules:def.bzl\", ...)\n```\n\n%s\n", paragraph(module.text(moduleDoc)))
	for _, part := range []struct {
		field uint64
		title string
		write func(*bytes.Buffer, *message) error
	}{
		{moduleRules, "", writeRule},
		{moduleFunctions, "", writeFunction},
		{moduleProviders, "Providers", writeProvider},
	} {
		items, err := module.messages(part.field)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(items, func(x, y *message) int { return cmp.Compare(x.text(itemName), y.text(itemName)) })
		if part.title != "" {
			fmt.Fprintf(&b, "\n# %s\n", part.title)
		}
		for _, item := range items {
			fmt.Fprintf(&b, "\n## %s\n\n", item.text(itemName))
			if err := part.write(&b, item); err != nil {
				return nil, err
			}
		}
	}
	return b.Bytes(), nil
}

func writeRule(b *bytes.Buffer, rule *message) error {
	attributes, err := rule.messages(ruleAttributes)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s\n\n| attribute | type | default | |\n|---|---|---|---|\n", paragraph(rule.text(itemDoc)))
	for _, a := range attributes {
		name := a.text(itemName)
		if name == "name" {
			continue // every target has one
		}
		standard := "`" + ownLabel.ReplaceAllString(a.text(attributeDefault), `"@mpgo//`) + "`"
		if a.numbers[attributeMandatory] != 0 {
			standard = "required"
		}
		kind := attributeTypes[a.numbers[attributeType]]
		groups, err := a.messages(attributeProviders)
		if err != nil {
			return err
		}
		var wanted []string
		for _, g := range groups {
			wanted = append(wanted, strings.Join(g.texts(itemName), " and "))
		}
		if len(wanted) > 0 {
			kind += " with " + strings.Join(wanted, " or ")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, kind, standard, cell(a.text(itemDoc)))
	}
	return nil
}

func writeFunction(b *bytes.Buffer, function *message) error {
	params, err := function.messages(functionParams)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s\n\n| param | default | |\n|---|---|---|\n", paragraph(function.text(functionDoc)))
	for _, p := range params {
		standard := "`" + p.text(paramDefault) + "`"
		switch {
		case p.numbers[paramMandatory] != 0:
			standard = "required"
		case p.text(paramDefault) == "":
			standard = ""
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", p.text(itemName), standard, cell(p.text(itemDoc)))
	}
	return nil
}

func writeProvider(b *bytes.Buffer, provider *message) error {
	fields, err := provider.messages(providerFields)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s\n", paragraph(provider.text(itemDoc)))
	for _, f := range fields {
		doc := strings.ReplaceAll(paragraph(f.text(itemDoc)), "\n", "\n  ")
		doc = strings.ReplaceAll(doc, "\n  \n", "\n\n")
		fmt.Fprintf(b, "\n- `%s`: %s\n", f.text(itemName), doc)
	}
	return nil
}

func paragraph(doc string) string { return strings.TrimSpace(doc) }

// cell is a text as it may stand in a table.
func cell(doc string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(doc), " "), "|", "\\|")
}
