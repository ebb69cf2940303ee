package report

import (
	"html"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestCommandsHaveTargetFlags checks that proposed commands name the control, and the environment
// as the user did.
func TestCommandsHaveTargetFlags(t *testing.T) {
	t.Parallel()
	o := Options{Rules: rules(), Width: 200, TargetFlags: func(r audit.Result) []string {
		return []string{"-c", "clients/it's.yaml", "--env", r.Environment.Name}
	}}
	const flags = ` -c "clients/it's.yaml" --env contoso`
	for _, f := range []Format{Table, Markdown, HTML} {
		doc := mustRender(t, f, mixed(), o)
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
			t.Errorf("%s uses other flags", f)
		}
	}
	doc := html.UnescapeString(mustRender(t, HTML, mixed(), o))
	for _, want := range []string{flags + " --only DB-PRIV-LEAD -o", flags + " --least-privilege --only DB-ROLE-LEAST-PRIVILEGE -o"} {
		if !strings.Contains(doc, want) {
			t.Errorf("the command of a finding lacks %q", want)
		}
	}
}

// TestStepsNameTheEnvironment checks that the steps name the environment as the portal does.
func TestStepsNameTheEnvironment(t *testing.T) {
	t.Parallel()
	r := mixed()
	for _, f := range []Format{HTML, Markdown} {
		if doc := html.UnescapeString(mustRender(t, f, r, Options{})); !strings.Contains(doc, `Environments > "Contoso Ltd" (`) || strings.Contains(doc, "Environments > https") {
			t.Errorf("%s does not name the environment as the portal does", f)
		}
	}
	r.Environment.OrganizationName = ""
	if doc := html.UnescapeString(mustRender(t, Markdown, r, Options{})); !strings.Contains(doc, "Environments > the environment with the URL [contoso.crm.dynamics.com](<https") {
		t.Error("without the name of the organization, the steps do not say what to look for")
	}
}

// TestAdviceWithoutFix checks that a finding without a fix has the remediation of its rule, or a
// link to its page.
func TestAdviceWithoutFix(t *testing.T) {
	t.Parallel()
	o := Options{Rules: rules()}
	remediation := strings.TrimSuffix(o.Rules["role/complete"].Remediation, ".")
	if remediation == "" {
		t.Fatal("the rule of the sample has no remediation")
	}
	for _, f := range []Format{Table, SARIF, JUnit, HTML, Markdown, CSV, GitHub} {
		if out := mustRender(t, f, archive(), o); strings.Count(out, remediation) < 2 {
			t.Errorf("%s lacks the remediation of both findings", f)
		}
		if out := mustRender(t, f, archive(), Options{}); !strings.Contains(out, "#db-role-complete") {
			t.Errorf("%s does not link to the page of the control without the rules", f)
		}
	}
}

// TestFlagsAreAskedForOnce checks that how often a document asks for the flags of a result does not depend
// on the number of findings.
func TestFlagsAreAskedForOnce(t *testing.T) {
	t.Parallel()
	for _, f := range Formats() {
		var asked int
		flags := func(audit.Result) []string {
			asked++
			return nil
		}
		mustRender(t, f, large(40), Options{Rules: rules(), TargetFlags: flags, ApplyFlags: flags})
		if asked > 4 {
			t.Errorf("%s asks for flags %d times", f, asked)
		}
	}
}
