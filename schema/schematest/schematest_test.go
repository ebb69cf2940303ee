package schematest_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/policy"
	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

// TestSchemasCompile checks that each published schema is valid.
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

// TestStoriesMatchSchemas checks that the files that dbaudit writes in each story of testdata/cases
// match the published schemas.
func TestStoriesMatchSchemas(t *testing.T) {
	for _, kind := range []struct {
		file   string
		tree   fs.FS
		schema string
	}{
		{"snapshot.json", policy.Files, "schema/snapshot.json"},
		{"result.json", schema.Files, "result.json"},
		{"plan.json", schema.Files, "plan.json"},
		{"journal.jsonl", schema.Files, "journal.json"},
	} {
		compiled, err := schematest.Compile(kind.tree, kind.schema)
		if err != nil {
			t.Fatal(err)
		}
		stories, err := filepath.Glob(filepath.Join("..", "..", "testdata", "cases", "*", kind.file))
		if err != nil || len(stories) < 12 {
			t.Fatalf("%s: %d stories, %v", kind.file, len(stories), err)
		}
		for _, story := range stories {
			data, err := os.ReadFile(story)
			if err != nil {
				t.Fatal(err)
			}
			documents := [][]byte{data}
			if kind.file == "journal.jsonl" {
				documents = bytes.SplitAfter(data, []byte("\n"))
			}
			for _, document := range documents {
				if !bytes.HasPrefix(document, []byte("{")) {
					continue // not a journal, or after the last line
				}
				value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
				if err != nil {
					t.Fatal(err)
				}
				if err := compiled.Validate(value); err != nil {
					t.Errorf("%s: %v", story, err)
				}
			}
		}
	}
}
