// Package yamldoc reads YAML documents that people write. It checks them against a JSON schema, and
// refuses duplicate keys and second documents. Each fault has its line and column.
//
// It is the only package that imports the YAML library.
package yamldoc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// A Document is a parsed YAML document with the position of every value.
type Document struct {
	name  string
	root  *yaml.Node // nil for an empty document
	value any
	// keyIndex has the index of each key in the content of its mapping node.
	keyIndex map[*yaml.Node]map[string]int
}

// Read parses a document, validates it against a schema in a file system, and decodes it into a Go
// value with yaml tags. The value must have a field for each key of the schema.
func Read(name string, data []byte, tree fs.FS, schema string, into any) (*Document, error) {
	d, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	if err := d.Validate(tree, schema); err != nil || d.root == nil {
		return d, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return nil, fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return d, nil
}

// A Fault is an error at a position of a document.
type Fault struct {
	Name         string
	Line, Column int
	Message      string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.Name, f.Line, f.Column, f.Message)
}

// Parse parses a document. The name identifies it in messages and is usually its path. Duplicate
// keys, a second document, aliases and invalid YAML are faults.
func Parse(name string, data []byte) (*Document, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return &Document{name: name, value: map[string]any{}}, nil
	case err != nil:
		return nil, syntaxFault(name, err)
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, syntaxFault(name, err)
	default:
		return nil, &Fault{name, second.Line, second.Column, "a second document begins here: only one is allowed"}
	}
	d := &Document{name: name, root: doc.Content[0], keyIndex: map[*yaml.Node]map[string]int{}}
	var err error
	d.value, err = d.toJSON(d.root, 0)
	return d, err
}

// syntaxFault converts the library's "yaml: line 3: …" to a fault.
func syntaxFault(name string, err error) error {
	line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if n, _ := fmt.Sscanf(text, "line %d:", &line); n == 1 {
		_, text, _ = strings.Cut(text, ": ")
	}
	return &Fault{name, line, 1, "this is not YAML: " + text}
}

// The limits of a document. Keys are limited because the YAML library compares each key of a
// mapping with every other.
const (
	maxDepth  = 100
	maxKeys   = 10_000
	maxFaults = 20
)

// toJSON converts a node to a JSON value and records the index of each key. It refuses aliases,
// merge keys, duplicate keys and deep nesting.
func (d *Document) toJSON(n *yaml.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, d.fault(n, "nested too deeply")
	}
	switch n.Kind {
	case yaml.AliasNode:
		return nil, d.fault(n, "aliases (*name) are not supported: write the value out")
	case yaml.MappingNode:
		return d.mappingToJSON(n, depth)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if list[i], err = d.toJSON(item, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.ScalarNode:
		return d.scalarToJSON(n)
	case yaml.DocumentNode:
	}
	return nil, d.fault(n, "unexpected YAML")
}

func (d *Document) mappingToJSON(n *yaml.Node, depth int) (any, error) {
	size := len(n.Content) / 2
	if size > maxKeys {
		return nil, d.fault(n, fmt.Sprintf("there are more than %d keys here: split the file", maxKeys))
	}
	values, places := make(map[string]any, size), make(map[string]int, size)
	d.keyIndex[n] = places
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return nil, d.fault(key, "a key must be a plain word")
		}
		if key.Value == "<<" {
			return nil, d.fault(key, "merge keys (<<) are not supported: write the values out")
		}
		if first, ok := places[key.Value]; ok {
			return nil, d.fault(key, fmt.Sprintf("the key %q appears twice, first in line %d", key.Value, n.Content[first].Line))
		}
		places[key.Value] = i
		var err error
		if values[key.Value], err = d.toJSON(n.Content[i+1], depth+1); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (d *Document) fault(n *yaml.Node, message string) *Fault {
	if n == nil {
		return &Fault{d.name, 1, 1, message}
	}
	return &Fault{d.name, n.Line, n.Column, message}
}

// Value returns the document as JSON values: map[string]any, []any, string, json.Number, bool and
// nil. All keys are strings, even those that look like numbers.
func (d *Document) Value() any { return d.value }

func (d *Document) scalarToJSON(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil //nolint:nilnil // null is a value
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return nil, d.fault(n, err.Error())
		}
		return b, nil
	case "!!int", "!!float":
		number := json.Number(n.Value)
		if _, err := json.Marshal(number); err != nil {
			return nil, d.fault(n, fmt.Sprintf("%s is not a decimal number; put it in quotes if it is a word", n.Value))
		}
		return number, nil
	}
	return n.Value, nil
}

// DecodeValue decodes a value that [Document.Value] returned into a Go value with yaml tags.
func DecodeValue(value, into any) error {
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		return err
	}
	return node.Decode(into)
}

// Encode encodes a Go value with yaml tags as a YAML document.
func Encode(value any) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("encoding YAML: %w", err)
	}
	return b.Bytes(), nil
}

// FaultAt returns a fault at the position of the value with the given path of keys and indices, or
// of its nearest existing parent.
func (d *Document) FaultAt(message string, path ...string) *Fault {
	_, value, _ := d.lookup(path)
	return d.fault(value, message)
}

// FaultAtKey returns a fault like [Document.FaultAt], but at the position of the value's key if it
// has one.
func (d *Document) FaultAtKey(message string, path ...string) *Fault {
	key, value, _ := d.lookup(path)
	return d.fault(cmp.Or(key, value), message)
}

// Has reports whether the document has a value at the path.
func (d *Document) Has(path ...string) bool {
	_, _, ok := d.lookup(path)
	return ok
}

// lookup returns the key and the value at a path. If the path does not exist, it returns those of
// the nearest existing parent, and false.
func (d *Document) lookup(path []string) (key, value *yaml.Node, found bool) {
	value = d.root
	for _, step := range path {
		k, v := d.child(value, step)
		if v == nil {
			return key, value, false
		}
		key, value = k, v
	}
	return key, value, value != nil
}

func (d *Document) child(n *yaml.Node, step string) (key, value *yaml.Node) {
	if n == nil {
		return nil, nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		if i, ok := d.keyIndex[n][step]; ok {
			return n.Content[i], n.Content[i+1]
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return nil, n.Content[i]
		}
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode:
	}
	return nil, nil
}
