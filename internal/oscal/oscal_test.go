package oscal

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/audit"
)

var schemas = flag.String("oscal-schemas", "", "folder of NIST's own schemas of OSCAL, to validate against as well")

func requirements() Requirements {
	return Requirements{
		Profile: audit.Profile{
			Name: "acme", Title: "Acme's\nsync", Version: "2026-11-30", Origin: audit.OriginBuiltin, Digest: "sha256:00",
			Source: audit.Source{Title: "Permissions", URL: "https://acme.example/permissions"},
		},
		Controls: []Requirement{
			{
				ID: "ACME-PRIV-LEAD", Title: "Lead", Rule: "role/privileges", Severity: "high", Why: "It writes leads.",
				Citation: &audit.Citation{Tab: "Core", Line: "Lead - Read"}, Privileges: []string{"prvReadLead", "prvWriteLead"},
			},
			{ID: "ACME-ROLE-CUSTOM", Title: "The role is a custom one", Rule: "role/custom"},
		},
	}
}

// TestOSCALRequirements validates each document, of a profile that states all and of one
// that states little and means ill.
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
			validate(t, name, file, data)
		}
	}
}

// TestOSCALResults validates the golden results of the report.
func TestOSCALResults(t *testing.T) {
	files, err := filepath.Glob("../report/testdata/*.oscal.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden results: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, file, "oscal_assessment-results_schema.json", data)
	}
}

// validate holds a document to the schema of these tests and, where the flag names a
// folder, to NIST's own.
func validate(t *testing.T, what, nist string, data []byte) {
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
			t.Errorf("%s by %s: %v in %.2000s", what, file, err, data)
		}
	}
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
	apart(document)
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

// apart parts a reference from the id beside it, which NIST's schemas have, and which
// counts for nothing by draft 7.
func apart(v any) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"]; ok && v["$id"] != nil {
			delete(v, "$ref")
			v["allOf"] = []any{map[string]any{"$ref": ref}}
		}
		for _, member := range v {
			apart(member)
		}
	case []any:
		for _, member := range v {
			apart(member)
		}
	}
}

func TestCatalogStatesTheSource(t *testing.T) {
	c := NewCatalog(requirements()).Catalog
	if len(c.Controls) != 2 || c.Controls[0].Parts[0].Prose != "Lead - Read" || c.Controls[1].Parts[0].Prose != "The role is a custom one" {
		t.Errorf("got %+v", c.Controls)
	}
	if got := c.Controls[0].Parts[0].ID; got != StatementID("ACME-PRIV-LEAD") {
		t.Errorf("the statement is %s", got)
	}
	p := NewProfile(requirements()).Profile
	if p.Imports[0].Href != "#"+c.UUID || strings.Join(p.Imports[0].IncludeControls[0].IDs, " ") != "ACME-PRIV-LEAD ACME-ROLE-CUSTOM" {
		t.Errorf("the profile imports %+v, the catalog is %s", p.Imports, c.UUID)
	}
}

func TestIDsAreUniqueAndStay(t *testing.T) {
	var one, other IDs
	first, second := one.Of("a", "b"), one.Of("a", "b")
	if first == second || first != other.Of("a", "b") || second != other.Of("a", "b") || ID("a", "b") == ID("ab") {
		t.Errorf("got %s and %s", first, second)
	}
	if got, want := ID("a"), "5"; got[14:15] != want {
		t.Errorf("%s is no UUID of version 5", got)
	}
	for in, want := range map[string]string{"": "_", "A-1": "A-1", "1a": "_1a", "a b/c": "a-b-c", "é²": "é²"} {
		if got := Token(in); got != want {
			t.Errorf("Token(%q) = %q, want %q", in, got, want)
		}
	}
}
