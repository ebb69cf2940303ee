package schematest_test

import (
	"io/fs"
	"testing"

	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

// TestSchemasCompile: each published schema is a schema. That the files dbaudit
// writes keep to them is tested beside the code that writes them.
func TestSchemasCompile(t *testing.T) {
	names, err := fs.Glob(schema.Files, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, err := schematest.Compile(schema.Files, name); err != nil {
			t.Error(err)
		}
	}
	if len(names) < 3 {
		t.Errorf("only %v", names)
	}
}
