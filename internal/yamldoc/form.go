package yamldoc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// A form is a JSON schema with the keywords that the schemas of files that people write
// use; any other keyword is refused. A library for all of JSON Schema compiles the schema
// of schemas whenever the program starts, which is a third of a short run;
// TestFormAgainstLibrary compares both.
type form struct {
	Ref   string   `json:"$ref"`
	Type  kind     `json:"type"`
	Const *string  `json:"const"`
	Enum  []string `json:"enum"`

	MinLength int            `json:"minLength"`
	Pattern   *regexp.Regexp `json:"pattern"`

	Required             []string         `json:"required"`
	Properties           map[string]*form `json:"properties"`
	PropertyNames        *form            `json:"propertyNames"`
	AdditionalProperties *form            `json:"additionalProperties"`
	MinProperties        int              `json:"minProperties"`
	MaxProperties        *int             `json:"maxProperties"`

	Items       *form `json:"items"`
	MinItems    int   `json:"minItems"`
	MaxItems    *int  `json:"maxItems"`
	UniqueItems bool  `json:"uniqueItems"`

	If   *form `json:"if"`
	Then *form `json:"then"`
	Else *form `json:"else"`

	Defs map[string]*form `json:"$defs"`

	Schema      string `json:"$schema"`
	ID          string `json:"$id"`
	Title       string `json:"title"`
	Description string `json:"description"`

	refused bool // the schema false
}

// UnmarshalJSON reads false or a schema, and refuses other keywords.
func (f *form) UnmarshalJSON(data []byte) error {
	if string(data) == "false" {
		f.refused = true
		return nil
	}
	type plain form
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(f))
}

// A kind is a type of JSON. The zero value means any.
type kind string

const (
	anything kind = ""
	object   kind = "object"
	array    kind = "array"
	text     kind = "string"
	boolean  kind = "boolean"
	number   kind = "number"
	null     kind = "null"
)

// UnmarshalText reads a type that a schema may ask for.
func (k *kind) UnmarshalText(data []byte) error {
	*k = kind(data)
	if !slices.Contains([]kind{object, array, text, boolean}, *k) {
		return fmt.Errorf("the type %q is not supported", data)
	}
	return nil
}

// Validate checks the document against a schema of a tree. The first faults are joined,
// in the order of their places, with the number of the others.
func (d *Document) Validate(tree fs.FS, schema string) error {
	data, err := fs.ReadFile(tree, schema)
	if err != nil {
		return fmt.Errorf("reading the schema %s: %w", schema, err)
	}
	var whole form
	if err := json.Unmarshal(data, &whole); err != nil {
		return fmt.Errorf("reading the schema %s: %w", schema, err)
	}
	root := d.root
	if root == nil {
		root = &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	}
	v := validation{document: d, defs: whole.Defs}
	v.check(root, &whole, nil)
	slices.SortStableFunc(v.faults, func(a, b *Fault) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	var joined []error
	for _, f := range v.faults[:min(len(v.faults), maxFaults)] {
		joined = append(joined, f)
	}
	if more := len(v.faults) - maxFaults; more > 0 {
		joined = append(joined, fmt.Errorf("%s: and %d more", d.name, more))
	}
	return errors.Join(joined...)
}

// A validation collects what is wrong with a document.
type validation struct {
	document *Document
	defs     map[string]*form
	faults   []*Fault
}

func (v *validation) fault(n *yaml.Node, path []string, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if len(path) > 0 {
		message = strings.Join(path, ".") + ": " + message
	}
	v.faults = append(v.faults, v.document.fault(n, message))
}

// check validates the value at a path against a schema.
func (v *validation) check(n *yaml.Node, f *form, path []string) {
	is, word := v.kindOf(n)
	switch {
	case f.Type != anything && f.Type != is:
		v.fault(n, path, "got %s, want %s", is, f.Type)
		return
	case f.Const != nil && (is != text || word != *f.Const):
		v.fault(n, path, "value must be '%s'", *f.Const)
		return
	case f.Enum != nil && (is != text || !slices.Contains(f.Enum, word)):
		choice := "one of "
		if len(f.Enum) == 1 {
			choice = ""
		}
		v.fault(n, path, "value must be %s'%s'", choice, strings.Join(f.Enum, "', '"))
		return
	}
	if f.Ref != "" {
		definition, ok := v.defs[strings.TrimPrefix(f.Ref, "#/$defs/")]
		if !ok {
			v.fault(n, path, "the schema has no %s", f.Ref)
			return
		}
		v.check(n, definition, path)
	}
	switch is {
	case object:
		v.object(n, f, path)
	case array:
		v.array(n, f, path)
	case text:
		v.text(n, f, path, word)
	case anything, boolean, number, null:
	}
	if f.If != nil {
		trial := validation{document: v.document, defs: v.defs}
		trial.check(n, f.If, path)
		next := f.Then
		if len(trial.faults) > 0 {
			next = f.Else
		}
		if next != nil {
			v.check(n, next, path)
		}
	}
}

// kindOf is the type of a value, with its text if it is a string.
func (v *validation) kindOf(n *yaml.Node) (is kind, word string) {
	switch n.Kind {
	case yaml.MappingNode:
		return object, ""
	case yaml.SequenceNode:
		return array, ""
	case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
	}
	value, _ := v.document.scalar(n) // invalid values were refused before
	switch value := value.(type) {
	case nil:
		return null, ""
	case bool:
		return boolean, ""
	case json.Number:
		return number, ""
	case string:
		return text, value
	}
	return anything, ""
}

func (v *validation) object(n *yaml.Node, f *form, path []string) {
	v.size(n, path, "Properties", len(n.Content)/2, f.MinProperties, f.MaxProperties)
	missing := slices.DeleteFunc(slices.Clone(f.Required), func(name string) bool {
		_, value := v.document.child(n, name)
		return value != nil
	})
	switch len(missing) {
	case 0:
	case 1:
		v.fault(n, path, "missing property '%s'", missing[0])
	default:
		v.fault(n, path, "missing properties '%s'", strings.Join(missing, "', '"))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		below := append(slices.Clip(path), key.Value)
		switch one := cmp.Or(f.Properties[key.Value], f.AdditionalProperties); {
		case one == nil:
		case !one.refused:
			v.check(value, one, below)
		case len(path) > 0:
			v.fault(key, nil, "unknown key %q in %s", key.Value, strings.Join(path, "."))
		default:
			v.fault(key, nil, "unknown key %q", key.Value)
		}
		if f.PropertyNames != nil {
			v.text(key, f.PropertyNames, path, key.Value)
		}
	}
}

func (v *validation) array(n *yaml.Node, f *form, path []string) {
	v.size(n, path, "Items", len(n.Content), f.MinItems, f.MaxItems)
	for i, item := range n.Content {
		if f.Items != nil {
			v.check(item, f.Items, append(slices.Clip(path), strconv.Itoa(i)))
		}
	}
	if f.UniqueItems {
		v.unique(n, path)
	}
}

// size compares a size with its bounds.
func (v *validation) size(n *yaml.Node, path []string, of string, is, least int, most *int) {
	if is < least {
		v.fault(n, path, "min%s: got %d, want %d", of, is, least)
	}
	if most != nil && is > *most {
		v.fault(n, path, "max%s: got %d, want %d", of, is, *most)
	}
}

// unique finds the first two equal texts of a list.
func (v *validation) unique(n *yaml.Node, path []string) {
	first := map[string]int{}
	for i, item := range n.Content {
		is, word := v.kindOf(item)
		if is != text {
			continue
		}
		if other, ok := first[word]; ok {
			v.fault(n, path, "items at %d and %d are equal", other, i)
			return
		}
		first[word] = i
	}
}

func (v *validation) text(n *yaml.Node, f *form, path []string, word string) {
	v.size(n, path, "Length", utf8.RuneCountInString(word), f.MinLength, nil)
	if f.Pattern != nil && !f.Pattern.MatchString(word) {
		v.fault(n, path, "'%s' does not match pattern '%s'", word, f.Pattern)
	}
}
