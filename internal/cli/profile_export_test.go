package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/oscal"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/policy"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

// TestProfileExport exports every built-in profile as every kind of document, and validates the
// documents.
func TestProfileExport(t *testing.T) {
	t.Parallel()
	form, err := schematest.Compile(os.DirFS("../oscal/testdata"), "oscal.json")
	if err != nil {
		t.Fatal(err)
	}
	export := func(args ...string) (code int, stdout, stderr string) {
		var out, errors bytes.Buffer
		code = Main(t.Context(), append([]string{"profile", "export"}, args...), Env{
			Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errors},
			Host:    run.Host{Now: time.Now, Getenv: func(string) string { return "" }},
		})
		return code, out.String(), errors.String()
	}
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Load(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]audit.Rule{}
	for _, r := range e.Rules() {
		rules[r.ID] = r
	}
	valid := func(what string, document any) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(encoded(t, document)))
		if err == nil {
			err = form.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, p := range profiles {
		r := oscalRequirements(p, rules)
		catalog := oscal.NewCatalog(r)
		valid(p.Name, catalog)
		valid(p.Name, oscal.NewProfile(r))
		valid(p.Name, oscal.NewComponents(r, audit.Tool{Name: "dbaudit"}))
		if len(catalog["catalog"].Controls) != len(p.Controls) {
			t.Errorf("%s: %d controls of %d", p.Name, len(catalog["catalog"].Controls), len(p.Controls))
			continue
		}
		for i, c := range catalog["catalog"].Controls {
			want := p.Controls[i]
			if c.ID != string(want.ID) || c.Title == "" || want.Citation != nil && c.Parts[0].Prose != want.Citation.Line {
				t.Errorf("%s: %+v is not %+v", p.Name, c, want)
			}
		}
		if p.Name != "demandbase" {
			continue
		}
		for kind, want := range map[string]any{
			"catalog": catalog, "profile": oscal.NewProfile(r), "component-definition": oscal.NewComponents(r, audit.Tool{Name: "dbaudit"}),
		} {
			if code, out, stderr := export(p.Name, "--oscal", kind); code != exitOK || out != encoded(t, want) {
				t.Errorf("--oscal %s: %d, %s%s", kind, code, out, stderr)
			}
		}
		if _, out, _ := export(p.Name, "--oscal"); out != encoded(t, catalog) {
			t.Errorf("--oscal without a kind does not give a catalog: %s", out)
		}
	}
	for _, args := range [][]string{{"demandbase"}, {"demandbase", "--oscal", "poam"}, {"nobody", "--oscal"}} {
		if code, _, stderr := export(args...); code != exitUsage || stderr == "" {
			t.Errorf("%v: %d, %s", args, code, stderr)
		}
	}
}

// encoded returns a document as the command writes it.
func encoded(t *testing.T, document any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		t.Fatal(err)
	}
	return string(text.JSON(b.Bytes()))
}
