package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

// TestInitAsks checks that init asks for the three values on a terminal, asks again after an
// invalid answer, and accepts empty answers.
func TestInitAsks(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dbaudit.yaml")
	var stdout, stderr bytes.Buffer
	env := OS()
	env.Stdin = strings.NewReader("http://contoso\nhttps://fabrikam.crm.dynamics.com/\n\n5F0C1B52-8F1A-4C62-9C5E-7B8A1D2E3F40\n")
	env.Stdout, env.Stderr = &stdout, &stderr
	env.StdinIsTerminal, env.StderrIsTerminal = true, true
	if code := Main(t.Context(), []string{"init", "-o", file}, env); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n    url: https://fabrikam.crm.dynamics.com\n",
		"\n  client_id: 00000000-0000-0000-0000-000000000000\n",
		"\n      app_id: 5f0c1b52-8f1a-4c62-9c5e-7b8a1d2e3f40\n",
	} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the file lacks %q:\n%s", want, data)
		}
	}
	if n := strings.Count(stderr.String(), "URL of the environment"); n != 2 {
		t.Errorf("asked %d times for the URL: %s", n, stderr.String())
	}
	if !strings.Contains(stderr.String(), "fill in client_id, set") {
		t.Errorf("what is left is not named: %s", stderr.String())
	}
}

// TestSchemaLines checks that each file that dbaudit writes for people names its schema of this
// version, for editors.
func TestSchemaLines(t *testing.T) {
	t.Parallel()
	profile, err := scaffold.ReadFile("scaffold/profile.yaml.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	added, err := waiver.Append("waivers.yaml", nil, []waiver.Waiver{{
		Control: "DB-PRIV-LEAD", Kind: waiver.AcceptedRisk, Owner: "jane@contoso.com", Reason: "until the pilot ends", Expires: "2026-12-01",
	}}, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for kind, text := range map[string][]byte{"config": configurationTemplate, "profile": profile, "waivers": added} {
		line, _, _ := strings.Cut(string(text), "\n")
		if line != "# yaml-language-server: $schema="+audit.SchemaURL(kind) {
			t.Errorf("%s begins with %q", kind, line)
		}
		if _, err := readSchema(kind); err != nil {
			t.Error(err)
		}
	}
}

// TestTemplateExamples checks that each key in a comment of the template is on a separate line, and
// is valid at that place.
func TestTemplateExamples(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"method", "tenant_id", "certificate", "secret", "certificate_password", "auth", "labels", "user", "role",
		"business_unit", "views", "integrations", "depth", "allow", "waivers",
	} {
		found := regexp.MustCompile(`(?m)^( *)# (` + key + `:(?: [^ a-z].*| [^ ]+)?)\n((?: *#   - .*\n)*)`).FindStringSubmatch(string(configurationTemplate))
		if found == nil {
			t.Errorf("no line shows %s", key)
			continue
		}
		shown := found[1] + found[2] + "\n" + strings.ReplaceAll(found[3], "# ", "")
		document := strings.Replace(string(configurationTemplate), found[0], shown, 1)
		switch key {
		case "user", "integrations": // in place of app_id
			document = strings.Replace(document, "      app_id: "+config.ExampleID+"\n", "", 1)
		}
		if key == "integrations" {
			document = strings.Replace(document, "    integration:\n", "", 1)
		}
		if _, err := config.Parse("dbaudit.yaml", []byte(document)); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}
