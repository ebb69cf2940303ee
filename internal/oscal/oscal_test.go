package oscal

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/audit"
)

var schemas = flag.String("oscal-schemas", "", "`folder` of NIST's schemas of OSCAL, to validate against as well")

func requirements() Requirements {
	return Requirements{
		Profile: audit.Profile{
			Name: "acme", Title: "Acme's\nsync", Version: "2026-11-30", Origin: audit.OriginBuiltin, Digest: "sha256:00",
			Source: audit.Source{Title: "Permissions", URL: "https://acme.example/permissions"},
		},
		Controls: []Requirement{
			{audit.Control{
				ID: "ACME-PRIV-LEAD", Title: "Lead", Rule: "role/privileges", Severity: audit.SeverityHigh, Why: "It writes leads.",
				Citation: &audit.Citation{Tab: "Core", Line: "Lead - Read"},
			}, []string{"prvReadLead", "prvWriteLead"}},
			{Control: audit.Control{ID: "ACME-ROLE-CUSTOM", Title: "The role is a custom one", Rule: "role/custom"}},
		},
	}
}

// TestOSCALRequirements checks that each document is valid, for a complete profile and for one with
// hostile text.
func TestOSCALRequirements(t *testing.T) {
	hostile := requirements()
	hostile.Version, hostile.Digest, hostile.Origin = "", "", "../\x1b[31m.yaml"
	hostile.Title, hostile.Source.URL = " \u202e ", "javascript:alert(1) \n"
	hostile.Controls[0].ID, hostile.Controls[0].Citation.Tab = "1 <b>\n", "\x00"
	for name, r := range map[string]Requirements{"full": requirements(), "hostile": hostile} {
		for file, doc := range map[string]any{
			"oscal_catalog_schema.json":   NewCatalog(r),
			"oscal_profile_schema.json":   NewProfile(r),
			"oscal_component_schema.json": NewComponents(r, audit.Tool{Name: "dbaudit", Version: "1"}),
		} {
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			checkSchemas(t, name, file, data)
		}
	}
}

// TestOSCALResults checks that the golden assessment results of package report and of the stories are
// valid.
func TestOSCALResults(t *testing.T) {
	files, err := filepath.Glob("../report/testdata/*.oscal.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden results: %v", err)
	}
	stories, err := filepath.Glob("../../testdata/cases/*/assessment.json")
	if err != nil || len(stories) < 4 {
		t.Fatalf("%d stories: %v", len(stories), err)
	}
	for _, file := range append(files, stories...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkSchemas(t, file, "oscal_assessment-results_schema.json", data)
	}
}

// checkSchemas validates a document against the schema in testdata and, if the flag names a folder,
// against NIST's schema in that folder.
func checkSchemas(t *testing.T, name, nist string, data []byte) {
	t.Helper()
	files := []string{"testdata/oscal.json"}
	if *schemas != "" {
		files = append(files, filepath.Join(*schemas, nist))
	}
	for _, file := range files {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err == nil {
			err = compile(t, file).Validate(v)
		}
		if err != nil {
			t.Errorf("%s by %s: %v in %.2000s", name, file, err, data)
		}
	}
}

// TestSchemaIsStrict changes one value of a valid document at a time: it is removed, empty or of another
// type. The schema in testdata must refuse each changed document that NIST's schema refuses.
func TestSchemaIsStrict(t *testing.T) {
	if *schemas == "" {
		t.Skip("-oscal-schemas names no folder")
	}
	own := compile(t, "testdata/oscal.json")
	documents := map[string][]any{
		"oscal_catalog_schema.json":   {NewCatalog(requirements())},
		"oscal_profile_schema.json":   {NewProfile(requirements())},
		"oscal_component_schema.json": {NewComponents(requirements(), audit.Tool{Name: "dbaudit", Version: "1"})},
	}
	for _, name := range []string{"mixed", "unread"} {
		data, err := os.ReadFile("../report/testdata/" + name + ".oscal.json")
		if err != nil {
			t.Fatal(err)
		}
		documents["oscal_assessment-results_schema.json"] = append(documents["oscal_assessment-results_schema.json"], json.RawMessage(data))
	}
	for file, docs := range documents {
		nist := compile(t, filepath.Join(*schemas, file))
		for _, doc := range docs {
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			accepted := map[string]bool{}
			forEachChange(v, "", map[string]bool{}, func(change string) {
				if nist.Validate(v) != nil && own.Validate(v) == nil {
					accepted[change] = true
				}
			})
			for change := range accepted {
				t.Errorf("%s refuses a change that the schema in testdata accepts: %s", file, change)
			}
		}
	}
}

// forEachChange changes each kind of value once, calls check, and restores the value. done has the
// changes that were made.
func forEachChange(v any, path string, done map[string]bool, check func(change string)) {
	replace := func(path string, set func(any), original any) {
		for _, value := range replacements(original) {
			if change := fmt.Sprintf("%s %#v", path, value); !done[change] {
				done[change] = true
				set(value)
				check(change)
				set(original)
			}
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for name, original := range v {
			path := path + "/" + name
			if change := path + " removed"; !done[change] {
				done[change] = true
				delete(v, name)
				check(change)
				v[name] = original
			}
			replace(path, func(value any) { v[name] = value }, original)
			forEachChange(original, path, done, check)
		}
	case []any:
		for i, original := range v {
			replace(path+"/*", func(value any) { v[i] = value }, original)
			forEachChange(original, path+"/*", done, check)
		}
	}
}

// replacements returns values that may be invalid in place of v.
func replacements(v any) []any {
	switch v.(type) {
	case string:
		return []any{"", " ", "x y", true, []any{}}
	case []any:
		return []any{[]any{}, "x"}
	case map[string]any:
		return []any{map[string]any{}, map[string]any{"surplus": "x"}, "x"}
	}
	return []any{"x"}
}

func compile(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	separateRefs(document)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// separateRefs moves a reference that has an id next to it into allOf. NIST's schemas have such ids, but
// draft 7 ignores what is next to a reference.
func separateRefs(v any) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"]; ok && v["$id"] != nil {
			delete(v, "$ref")
			v["allOf"] = []any{map[string]any{"$ref": ref}}
		}
		for _, member := range v {
			separateRefs(member)
		}
	case []any:
		for _, member := range v {
			separateRefs(member)
		}
	}
}

func TestCatalogStatesTheSource(t *testing.T) {
	c := NewCatalog(requirements())["catalog"]
	if len(c.Controls) != 2 || c.Controls[0].Parts[0].Prose != "Lead - Read" || c.Controls[1].Parts[0].Prose != "The role is a custom one" {
		t.Errorf("got %+v", c.Controls)
	}
	if got := c.Controls[0].Parts[0].ID; got != StatementID("ACME-PRIV-LEAD") {
		t.Errorf("the statement is %s", got)
	}
	p := NewProfile(requirements())["profile"]
	if p.Imports[0].Href != "#"+c.UUID || strings.Join(p.Imports[0].IncludeControls[0].IDs, " ") != "ACME-PRIV-LEAD ACME-ROLE-CUSTOM" {
		t.Errorf("the profile imports %+v, the catalog is %s", p.Imports, c.UUID)
	}
}

// TestContentHash checks that the id equals the id of the JSON list of the parts.
func TestContentHash(t *testing.T) {
	c := NewContentHash("kind")
	for _, part := range []any{1, "b"} {
		if err := c.Add(part); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := c.ID(), ID("kind", `[1,"b"]`); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestIDsAreUniqueAndStable(t *testing.T) {
	var ids, later IDs
	first, second := ids.Unique("a", "b"), ids.Unique("a", "b")
	if first == second || first != later.Unique("a", "b") || second != later.Unique("a", "b") || ID("a", "b") == ID("ab") {
		t.Errorf("got %s and %s", first, second)
	}
	if got, want := ID("a"), "5"; got[14:15] != want {
		t.Errorf("%s is not a version 5 UUID", got)
	}
	for in, want := range map[string]string{"": "_", "A-1": "A-1", "1a": "_1a", "a b/c": "a-b-c", "é²": "é²"} {
		if got := Token(in); got != want {
			t.Errorf("Token(%q) = %q, want %q", in, got, want)
		}
	}
}
