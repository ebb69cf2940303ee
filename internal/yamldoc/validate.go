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

// A schemaNode is a JSON schema, or a part of one. It supports only the keywords that dbaudit's
// schemas for YAML files use, and refuses others. A library for all of JSON Schema would compile
// its meta-schema whenever the program starts, which takes a third of a short run.
// TestValidateAgainstLibrary compares the two.
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
func (s *schemaNode) UnmarshalJSON(data []byte) error {
	if string(data) == "false" {
		s.isFalse = true
		return nil
	}
	type plain schemaNode
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(s))
}

// A jsonType is the type of a JSON value. The zero value means any type.
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

// UnmarshalText implements [encoding.TextUnmarshaler] for the types that schemas may require.
func (t *jsonType) UnmarshalText(data []byte) error {
	*t = jsonType(data)
	if !slices.Contains([]jsonType{objectType, arrayType, stringType, booleanType}, *t) {
		return fmt.Errorf("the type %q is not supported", data)
	}
	return nil
}

// Validate checks the document against a schema in a file system. The error joins the first faults,
// in the order of their positions, and says how many more there are.
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
	for _, fault := range v.faults[:min(len(v.faults), maxFaults)] {
		joined = append(joined, fault)
	}
	if more := len(v.faults) - maxFaults; more > 0 {
		joined = append(joined, fmt.Errorf("%s: and %d more", d.name, more))
	}
	return errors.Join(joined...)
}

// A validator collects the faults of a document.
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
func (v *validator) check(n *yaml.Node, s *schemaNode, path []string) {
	actual, text := v.typeOf(n)
	switch {
	case s.Type != anyType && s.Type != actual:
		v.addFault(n, path, "got %s, want %s", actual, s.Type)
		return
	case s.Const != nil && (actual != stringType || text != *s.Const):
		v.addFault(n, path, "value must be '%s'", *s.Const)
		return
	case s.Enum != nil && (actual != stringType || !slices.Contains(s.Enum, text)):
		choice := "one of "
		if len(s.Enum) == 1 {
			choice = ""
		}
		v.addFault(n, path, "value must be %s'%s'", choice, strings.Join(s.Enum, "', '"))
		return
	}
	if s.Ref != "" {
		definition, ok := v.defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
		if !ok {
			v.addFault(n, path, "the schema has no %s", s.Ref)
			return
		}
		v.check(n, definition, path)
	}
	switch actual {
	case objectType:
		v.checkObject(n, s, path)
	case arrayType:
		v.checkArray(n, s, path)
	case stringType:
		v.checkString(n, s, path, text)
	case anyType, booleanType, numberType, nullType:
	}
	if s.If != nil {
		trial := validator{document: v.document, defs: v.defs}
		trial.check(n, s.If, path)
		next := s.Then
		if len(trial.faults) > 0 {
			next = s.Else
		}
		if next != nil {
			v.check(n, next, path)
		}
	}
}

// typeOf returns the type of a value and, if it is a string, its text.
func (v *validator) typeOf(n *yaml.Node) (t jsonType, text string) {
	switch n.Kind {
	case yaml.MappingNode:
		return objectType, ""
	case yaml.SequenceNode:
		return arrayType, ""
	case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
	}
	value, _ := v.document.scalarToJSON(n) // Parse refused invalid values
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

func (v *validator) checkObject(n *yaml.Node, s *schemaNode, path []string) {
	v.checkSize(n, path, "Properties", len(n.Content)/2, s.MinProperties, s.MaxProperties)
	missing := slices.DeleteFunc(slices.Clone(s.Required), func(name string) bool {
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
		switch property := cmp.Or(s.Properties[key.Value], s.AdditionalProperties); {
		case property == nil:
		case !property.isFalse:
			v.check(value, property, append(slices.Clip(path), key.Value))
		case len(path) > 0:
			v.addFault(key, nil, "unknown key %q in %s", key.Value, strings.Join(path, "."))
		default:
			v.addFault(key, nil, "unknown key %q", key.Value)
		}
		if s.PropertyNames != nil {
			v.checkString(key, s.PropertyNames, path, key.Value)
		}
	}
}

func (v *validator) checkArray(n *yaml.Node, s *schemaNode, path []string) {
	v.checkSize(n, path, "Items", len(n.Content), s.MinItems, s.MaxItems)
	for i, item := range n.Content {
		if s.Items != nil {
			v.check(item, s.Items, append(slices.Clip(path), strconv.Itoa(i)))
		}
	}
	if s.UniqueItems {
		v.checkUnique(n, path)
	}
}

// checkSize compares a number of properties, items or characters with its limits. The keyword is
// that of JSON Schema without min or max, such as "Items".
func (v *validator) checkSize(n *yaml.Node, path []string, keyword string, size, least int, most *int) {
	if size < least {
		v.addFault(n, path, "min%s: got %d, want %d", keyword, size, least)
	}
	if most != nil && size > *most {
		v.addFault(n, path, "max%s: got %d, want %d", keyword, size, *most)
	}
}

// checkUnique reports the first two equal strings of a list.
func (v *validator) checkUnique(n *yaml.Node, path []string) {
	first := map[string]int{}
	for i, item := range n.Content {
		itemType, text := v.typeOf(item)
		if itemType != stringType {
			continue
		}
		if other, ok := first[text]; ok {
			v.addFault(n, path, "items at %d and %d are equal", other, i)
			return
		}
		first[text] = i
	}
}

func (v *validator) checkString(n *yaml.Node, s *schemaNode, path []string, text string) {
	v.checkSize(n, path, "Length", utf8.RuneCountInString(text), s.MinLength, nil)
	if s.Pattern != nil && !s.Pattern.MatchString(text) {
		v.addFault(n, path, "'%s' does not match pattern '%s'", text, s.Pattern)
	}
}
