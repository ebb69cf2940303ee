package report

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

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
			t.Errorf("%s does not fall back to the consequence of the rule", f)
		}
	}
}

// TestStateText checks that documents for people have the states of dbaudit's rules in words.
func TestStateText(t *testing.T) {
	t.Parallel()
	r := compliant()
	states := []string{"missing", "shallow", "filtered", "undefined"}
	for _, state := range states {
		fail(&r, "DB-PRIV-LEAD", privilegeFinding("prvReadLead", state, "basic"))
	}
	for _, state := range []string{"not-shared", "not-visible"} {
		fail(&r, "DB-VIEW-SHARED", audit.Finding{Message: "x", Subject: role(), Evidence: audit.Evidence{"state": state}})
	}
	judge(r)
	for _, f := range []Format{HTML, Markdown} {
		doc := mustRender(t, f, judge(r), Options{})
		for _, state := range append(states, "not-shared", "not-visible") {
			if regexp.MustCompile(`State(</dt><dd>(<code>)?|: )` + state + `[<\n]`).MatchString(doc) {
				t.Errorf("%s does not put the state %s into words", f, state)
			}
		}
	}
	if got := readableEvidence(audit.Evidence{"state": "missing"})[0].Value; got != "missing" {
		t.Errorf("the state of a missing role is %q", got)
	}
}
