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

// A schemaNode is a JSON schema with the keywords that the schemas of files that people write
// use; any other keyword is refused. A library for all of JSON Schema compiles the schema
// of schemas whenever the program starts, which is a third of a short run;
// TestFormAgainstLibrary compares both.
type schemaNode struct {
	Ref   string   `json:"$ref"`
	Type  jsonType `json:"type"`
	Const *string  `json:"const"`
	Enum  []string `json:"enum"`

	MinLength int            `json:"minLength"`
	Pattern   *regexp.Regexp `json:"pattern"`

	Required             []string               `json:"required"`
	Properties           map[string]*schemaNode `json:"properties"`
	PropertyNames        *schemaNode            `json:"propertyNames"`
	AdditionalProperties *schemaNode            `json:"additionalProperties"`
	MinProperties        int                    `json:"minProperties"`
	MaxProperties        *int                   `json:"maxProperties"`

	Items       *schemaNode `json:"items"`
	MinItems    int         `json:"minItems"`
	MaxItems    *int        `json:"maxItems"`
	UniqueItems bool        `json:"uniqueItems"`

	If   *schemaNode `json:"if"`
	Then *schemaNode `json:"then"`
	Else *schemaNode `json:"else"`

	Defs map[string]*schemaNode `json:"$defs"`

	Schema      string `json:"$schema"`
	ID          string `json:"$id"`
	Title       string `json:"title"`
	Description string `json:"description"`

	isFalse bool // the schema false
}

// UnmarshalJSON reads false or a schema, and refuses other keywords.
func (f *schemaNode) UnmarshalJSON(data []byte) error {
	if string(data) == "false" {
		f.isFalse = true
		return nil
	}
	type plain schemaNode
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(f))
}

// A jsonType is a type of JSON. The zero value means any.
type jsonType string

const (
	anyType     jsonType = ""
	objectType  jsonType = "object"
	arrayType   jsonType = "array"
	stringType  jsonType = "string"
	booleanType jsonType = "boolean"
	numberType  jsonType = "number"
	nullType    jsonType = "null"
)

// UnmarshalText reads a type that a schema may ask for.
func (k *jsonType) UnmarshalText(data []byte) error {
	*k = jsonType(data)
	if !slices.Contains([]jsonType{objectType, arrayType, stringType, booleanType}, *k) {
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
	var whole schemaNode
	if err := json.Unmarshal(data, &whole); err != nil {
		return fmt.Errorf("reading the schema %s: %w", schema, err)
	}
	root := d.root
	if root == nil {
		root = &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	}
	v := validator{document: d, defs: whole.Defs}
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

// A validator collects what is wrong with a document.
type validator struct {
	document *Document
	defs     map[string]*schemaNode
	faults   []*Fault
}

func (v *validator) addFault(n *yaml.Node, path []string, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if len(path) > 0 {
		message = strings.Join(path, ".") + ": " + message
	}
	v.faults = append(v.faults, v.document.fault(n, message))
}

// check validates the value at a path against a schema.
func (v *validator) check(n *yaml.Node, f *schemaNode, path []string) {
	is, word := v.typeOf(n)
	switch {
	case f.Type != anyType && f.Type != is:
		v.addFault(n, path, "got %s, want %s", is, f.Type)
		return
	case f.Const != nil && (is != stringType || word != *f.Const):
		v.addFault(n, path, "value must be '%s'", *f.Const)
		return
	case f.Enum != nil && (is != stringType || !slices.Contains(f.Enum, word)):
		choice := "one of "
		if len(f.Enum) == 1 {
			choice = ""
		}
		v.addFault(n, path, "value must be %s'%s'", choice, strings.Join(f.Enum, "', '"))
		return
	}
	if f.Ref != "" {
		definition, ok := v.defs[strings.TrimPrefix(f.Ref, "#/$defs/")]
		if !ok {
			v.addFault(n, path, "the schema has no %s", f.Ref)
			return
		}
		v.check(n, definition, path)
	}
	switch is {
	case objectType:
		v.checkObject(n, f, path)
	case arrayType:
		v.checkArray(n, f, path)
	case stringType:
		v.checkString(n, f, path, word)
	case anyType, booleanType, numberType, nullType:
	}
	if f.If != nil {
		trial := validator{document: v.document, defs: v.defs}
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

// typeOf is the type of a value, with its text if it is a string.
func (v *validator) typeOf(n *yaml.Node) (is jsonType, word string) {
	switch n.Kind {
	case yaml.MappingNode:
		return objectType, ""
	case yaml.SequenceNode:
		return arrayType, ""
	case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
	}
	value, _ := v.document.scalarToJSON(n) // invalid values were refused before
	switch value := value.(type) {
	case nil:
		return nullType, ""
	case bool:
		return booleanType, ""
	case json.Number:
		return numberType, ""
	case string:
		return stringType, value
	}
	return anyType, ""
}

func (v *validator) checkObject(n *yaml.Node, f *schemaNode, path []string) {
	v.checkSize(n, path, "Properties", len(n.Content)/2, f.MinProperties, f.MaxProperties)
	missing := slices.DeleteFunc(slices.Clone(f.Required), func(name string) bool {
		_, value := v.document.child(n, name)
		return value != nil
	})
	switch len(missing) {
	case 0:
	case 1:
		v.addFault(n, path, "missing property '%s'", missing[0])
	default:
		v.addFault(n, path, "missing properties '%s'", strings.Join(missing, "', '"))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		below := append(slices.Clip(path), key.Value)
		switch one := cmp.Or(f.Properties[key.Value], f.AdditionalProperties); {
		case one == nil:
		case !one.isFalse:
			v.check(value, one, below)
		case len(path) > 0:
			v.addFault(key, nil, "unknown key %q in %s", key.Value, strings.Join(path, "."))
		default:
			v.addFault(key, nil, "unknown key %q", key.Value)
		}
		if f.PropertyNames != nil {
			v.checkString(key, f.PropertyNames, path, key.Value)
		}
	}
}

func (v *validator) checkArray(n *yaml.Node, f *schemaNode, path []string) {
	v.checkSize(n, path, "Items", len(n.Content), f.MinItems, f.MaxItems)
	for i, item := range n.Content {
		if f.Items != nil {
			v.check(item, f.Items, append(slices.Clip(path), strconv.Itoa(i)))
		}
	}
	if f.UniqueItems {
		v.checkUnique(n, path)
	}
}

// checkSize compares a size with its bounds.
func (v *validator) checkSize(n *yaml.Node, path []string, of string, is, least int, most *int) {
	if is < least {
		v.addFault(n, path, "min%s: got %d, want %d", of, is, least)
	}
	if most != nil && is > *most {
		v.addFault(n, path, "max%s: got %d, want %d", of, is, *most)
	}
}

// checkUnique finds the first two equal texts of a list.
func (v *validator) checkUnique(n *yaml.Node, path []string) {
	first := map[string]int{}
	for i, item := range n.Content {
		is, word := v.typeOf(item)
		if is != stringType {
			continue
		}
		if other, ok := first[word]; ok {
			v.addFault(n, path, "items at %d and %d are equal", other, i)
			return
		}
		first[word] = i
	}
}

func (v *validator) checkString(n *yaml.Node, f *schemaNode, path []string, word string) {
	v.checkSize(n, path, "Length", utf8.RuneCountInString(word), f.MinLength, nil)
	if f.Pattern != nil && !f.Pattern.MatchString(word) {
		v.addFault(n, path, "'%s' does not match pattern '%s'", word, f.Pattern)
	}
}
