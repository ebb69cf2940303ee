// Package schematest compiles JSON schemas in tests, with a library for all of JSON Schema.
package schematest

import (
	"bytes"
	"fmt"
	"io/fs"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Compile compiles a schema in a file system, such as "profile.json" in schema.Files.
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
	compiler.AssertFormat()
	if err := compiler.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("compiling the schema %s: %w", name, err)
	}
	compiled, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compiling the schema %s: %w", name, err)
	}
	return compiled, nil
}
