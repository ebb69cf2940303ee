package yamldoc_test

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/dbaudit/dbaudit/internal/yamldoc"
	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

// TestValidateAgainstLibrary compares Validate with a library for all of JSON Schema, for each
// schema of a YAML file and each document that is one change away from a valid one.
func TestValidateAgainstLibrary(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{
		"profile.json": {"../../policy/profiles/marketplace.yaml", "../../policy/profiles/demandbase@nine-lines.yaml"},
		"config.json":  {"testdata/config.yaml"},
		"waivers.json": {"testdata/waivers.yaml"},

		"environment.json": {"testdata/environment.yaml"},
	} {
		full, err := schematest.Compile(schema.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			good := parse(t, data)
			if got := good.Validate(schema.Files, name); got != nil {
				t.Fatalf("%s: %v", file, got)
			}
			for changed := range mutations(good.Value()) {
				data, err := yamldoc.Encode(changed)
				if err != nil {
					t.Fatal(err)
				}
				doc := parse(t, data)
				want, got := libraryMessages(t, full, doc, seen), validateMessages(doc.Validate(schema.Files, name))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s: the library (-) and Validate (+) differ:\n%s\n%s", file, diff, data)
				}
			}
		}
		t.Logf("%s: faults of %v", name, slices.Sorted(maps.Keys(seen)))
	}
}

func parse(t *testing.T, data []byte) *yamldoc.Document {
	t.Helper()
	doc, err := yamldoc.Parse("f.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// mutations yields copies of a value, each with one change.
func mutations(value any) func(yield func(any) bool) {
	return func(yield func(any) bool) {
		change(value, yield)
	}
}

// change yields possible replacements for a value. It returns false if yield does.
func change(value any, yield func(any) bool) bool {
	for _, other := range []any{nil, true, 7, "", "x", "Ä b", []any{}, map[string]any{}, map[string]any{"unknown": "x", "Another one": "x"}} {
		if !yield(other) {
			return false
		}
	}
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			less := maps.Clone(value)
			delete(less, key)
			renamed := maps.Clone(less)
			renamed["Ä b"] = value[key]
			more := maps.Clone(value)
			more[key+"x"] = value[key]
			if !yield(less) || !yield(renamed) || !yield(more) {
				return false
			}
			below := func(v any) bool {
				with := maps.Clone(value)
				with[key] = v
				return yield(with)
			}
			if !change(value[key], below) {
				return false
			}
		}
	case []any:
		if len(value) == 0 {
			return true
		}
		if !yield(append(slices.Clone(value), value[0])) || !yield([]any{value[0]}) || !yield(slices.Repeat(value[:1], 33)) {
			return false
		}
		for i := range value[:min(len(value), 3)] {
			within := func(v any) bool {
				with := slices.Clone(value)
				with[i] = v
				return yield(with)
			}
			if !change(value[i], within) {
				return false
			}
		}
	}
	return true
}

// libraryMessages returns the messages of the library, sorted, in the form of those of Validate.
func libraryMessages(t *testing.T, full *jsonschema.Schema, doc *yamldoc.Document, seen map[string]bool) []string {
	t.Helper()
	var found []string
	var collect func(e *jsonschema.ValidationError)
	collect = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			collect(cause)
		}
		if len(e.Causes) > 0 {
			return
		}
		where := strings.Join(e.InstanceLocation, ".")
		seen[strings.Join(e.ErrorKind.KeywordPath(), ".")] = true
		if extra, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
			for _, key := range extra.Properties {
				found = append(found, strings.TrimSuffix("unknown key \""+key+"\" in "+where, " in "))
			}
			return
		}
		text := e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
		found = append(found, strings.TrimPrefix(where+": "+strings.ReplaceAll(text, `\\`, `\`), ": "))
	}
	var invalid *jsonschema.ValidationError
	if errors.As(full.Validate(doc.Value()), &invalid) {
		collect(invalid)
	}
	return sorted(found)
}

// validateMessages returns the messages in an error of Validate, sorted, without their positions.
func validateMessages(err error) []string {
	if err == nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(err.Error()) {
		_, text, _ := strings.Cut(line, " ")
		found = append(found, strings.TrimSuffix(text, "\n"))
	}
	return sorted(found)
}

// sorted sorts messages. It removes the position of a text that does not match its pattern, which
// the library does not state for a key.
func sorted(found []string) []string {
	unmatched := regexp.MustCompile(`^.*('.*' does not match)`)
	for i, text := range found {
		found[i] = unmatched.ReplaceAllString(text, "$1")
	}
	slices.Sort(found)
	return found
}

func TestValidateRefusesUnsupportedKeywords(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"oneOf": []}`, `{"type": "integer"}`, `{"properties": {"a": {"format": "date"}}}`, `{"additionalProperties": {"not": {}}}`, `{"$ref": "#/$defs/none"}`} {
		if parse(t, []byte("a: {b: c}\n")).Validate(fstest.MapFS{"s.json": {Data: []byte(text)}}, "s.json") == nil {
			t.Errorf("%s was taken for a schema", text)
		}
	}
}
