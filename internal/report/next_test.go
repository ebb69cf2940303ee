package report

import (
	"html"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestCommandsAsRun: a command that a document proposes names the control, and the
// environment as this run named it.
func TestCommandsAsRun(t *testing.T) {
	t.Parallel()
	o := Options{Rules: rules(), Width: 200, Asked: func(r audit.Result) []string {
		return []string{"-c", "clients/it's.yaml", "--env", r.Environment.Name}
	}}
	const flags = ` -c 'clients/it'\''s.yaml' --env contoso`
	for _, f := range []Format{Table, Markdown, HTML} {
		doc := rendered(t, f, mixed(), o)
		if f == HTML {
			doc = html.UnescapeString(doc)
		}
		for _, want := range []string{
			"dbaudit plan" + flags + " --only DB-USER-ROLE -o plan.json",
			"dbaudit plan" + flags + " -o plan.json", "dbaudit apply plan.json", "dbaudit doctor" + flags,
		} {
			if !strings.Contains(doc, want) {
				t.Errorf("%s does not propose %q", f, want)
			}
		}
		if strings.Contains(doc, "dbaudit plan --url") {
			t.Errorf("%s names the environment in another way", f)
		}
	}
	doc := html.UnescapeString(rendered(t, HTML, mixed(), o))
	for _, want := range []string{flags + " --only DB-PRIV-LEAD -o", flags + " --least-privilege --only DB-ROLE-LEAST-PRIVILEGE -o"} {
		if !strings.Contains(doc, want) {
			t.Errorf("a finding's own command lacks %q", want)
		}
	}
}

// TestWhyOfTheControl: what a requirement is for is said of the control itself, and of its
// rule where the result is from before it was kept.
func TestWhyOfTheControl(t *testing.T) {
	t.Parallel()
	const why, generic = "Without these, leads stay unread.", "The sync stops at the first record that it may not write."
	r := mixed()
	control(&r, "DB-PRIV-LEAD").Why = why
	old := mixed()
	control(&old, "DB-PRIV-LEAD").Why = ""
	for _, f := range []Format{HTML, Markdown, SARIF} {
		if doc := rendered(t, f, r, Options{Rules: rules()}); !strings.Contains(doc, why) {
			t.Errorf("%s does not say why", f)
		}
		with, without := rendered(t, f, old, Options{Rules: rules()}), rendered(t, f, r, Options{Rules: rules()})
		if strings.Count(with, generic) != strings.Count(without, generic)+strings.Count(without, why) {
			t.Errorf("%s does not fall back to the rule's", f)
		}
	}
}

// TestPlaceOfTheSteps: the portal lists environments by display names.
func TestPlaceOfTheSteps(t *testing.T) {
	t.Parallel()
	r := mixed()
	for _, f := range []Format{HTML, Markdown} {
		if doc := html.UnescapeString(rendered(t, f, r, Options{})); !strings.Contains(doc, `Environments > "Contoso Ltd" (`) {
			t.Errorf("%s does not name the environment as the portal does", f)
		}
	}
	r.Environment.OrganizationName = ""
	if doc := html.UnescapeString(rendered(t, Markdown, r, Options{})); !strings.Contains(doc, "Environments > the environment with the URL https") {
		t.Error("a result from before the name was kept does not say what to look for")
	}
}
