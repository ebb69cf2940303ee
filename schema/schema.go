// Package schema embeds the JSON schemas of the files that dbaudit reads and
// writes. The snapshot's own stands with the policies, whose input it is.
package schema

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Files holds the schemas, one file for each kind of document.
//
//go:embed *.json
var Files embed.FS

// Compile compiles one schema, such as "profile.json", of Files or of another
// tree.
func Compile(tree fs.FS, name string) (*jsonschema.Schema, error) {
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, fmt.Errorf("reading the schema %s: %w", name, err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading the schema %s: %w", name, err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("compiling the schema %s: %w", name, err)
	}
	compiled, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compiling the schema %s: %w", name, err)
	}
	return compiled, nil
}
