package report

import (
	"html"
	"slices"
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
			t.Errorf("%s names the environment in another way", f)
		}
	}
	doc := html.UnescapeString(mustRender(t, HTML, mixed(), o))
	for _, want := range []string{flags + " --only DB-PRIV-LEAD -o", flags + " --least-privilege --only DB-ROLE-LEAST-PRIVILEGE -o"} {
		if !strings.Contains(doc, want) {
			t.Errorf("a finding's own command lacks %q", want)
		}
	}
}

// TestWhyOfTheControl checks that a document says why a control matters, or the consequence of its
// rule for an older result.
func TestWhyOfTheControl(t *testing.T) {
	t.Parallel()
	const why, generic = "Without these, leads stay unread.", "The sync stops at the first record that it may not write."
	r := mixed()
	control(&r, "DB-PRIV-LEAD").Why = why
	old := mixed()
	control(&old, "DB-PRIV-LEAD").Why = ""
	for _, f := range []Format{HTML, Markdown, SARIF} {
		if doc := mustRender(t, f, r, Options{Rules: rules()}); !strings.Contains(doc, why) {
			t.Errorf("%s does not say why", f)
		}
		with, without := mustRender(t, f, old, Options{Rules: rules()}), mustRender(t, f, r, Options{Rules: rules()})
		if strings.Count(with, generic) != strings.Count(without, generic)+strings.Count(without, why) {
			t.Errorf("%s does not fall back to the rule's", f)
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
		t.Error("a result from before the name was kept does not say what to look for")
	}
}

// TestPageSentences checks that the page has whole sentences without repetitions, and that
// addresses are links.
func TestPageSentences(t *testing.T) {
	t.Parallel()
	r := mixed()
	fail(&r, "DB-VIEW-ACTIVE", audit.Finding{Message: "the view is deactivated", Subject: audit.Subject{Kind: audit.SubjectRequiredView, Name: "Key <Contacts>", Table: "contact"}})
	page := mustRender(t, HTML, judge(r), Options{Rules: rules()})
	for _, want := range []string{
		`<p class="lead">Fails 8 of 36 controls (`,
		`<h3 class="message">The role &#34;Demandbase Integration&#34; is not assigned`,
		`<li>Prepare fixes for `, `<pre>dbaudit plan --url https://contoso.crm.dynamics.com`,
		`Sign in to <a href="https://admin.powerplatform.microsoft.com" rel="noopener noreferrer">`,
		`(<a href="https://contoso.crm.dynamics.com" rel="noopener noreferrer">`,
		`<b>Target Accounts, Key &lt;Contacts&gt;</b>`, "<h2>Access chain</h2>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, gone := range []string{"contoso fails", "From role to views", "required_depth", "actual_depth"} {
		if strings.Contains(page, gone) {
			t.Errorf("the page says %q", gone)
		}
	}
}

// TestSplitAtLinks checks that only the addresses of the portals and of the environment are links.
func TestSplitAtLinks(t *testing.T) {
	t.Parallel()
	env := audit.Environment{URL: "https://contoso.crm.dynamics.com"}
	got := splitAtLinks(`Sign in to https://make.powerapps.com, then "https://evil.example" (https://contoso.crm.dynamics.com).`, env)
	want := []textPart{{Text: "Sign in to "}, {"make.powerapps.com", "https://make.powerapps.com"}, {Text: `, then "https://evil.example" (`}, {"contoso.crm.dynamics.com", env.URL}, {Text: ")."}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if got := splitAtLinks("see javascript:alert(1)", audit.Environment{URL: "javascript:alert(1)"}); len(got) != 1 || got[0].URL != "" {
		t.Errorf("%+v", got)
	}
}

// TestSentenceCase checks that a sentence begins with a capital letter, but that a name does not
// change.
func TestSentenceCase(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"the role is gone": "The role is gone", "prvReadLead is missing": "prvReadLead is missing", `"Sync" is gone`: `"Sync" is gone`, "": "", "élan is": "Élan is",
	} {
		if got := sentenceCase(s); got != want {
			t.Errorf("%q: %q", s, got)
		}
	}
}
