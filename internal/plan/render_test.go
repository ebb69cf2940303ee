package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func checkContains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

// TestSideEffects: the text contains all side effects.
func TestSideEffects(t *testing.T) {
	text := build(t, options(), noRole).Text()
	checkContains(t, text, "The platform gives 9 privileges to each new role.", "(prvReadSdkMessage): by the platform itself", "the platform grants 9 privileges along with them")
	managed := build(t, options(), func(_ *audit.Result, s *snapshot.Snapshot) {
		r := s.Roles[id(role)]
		r.Managed = true
		s.Roles[id(role)] = r
	})
	for _, text := range []string{managed.Text(), managed.Markdown()} {
		checkContains(t, text, "The role is managed: an update of its solution may revert the change.", "prvWriteSharePointData", "the platform grants 3 privileges along with them")
	}
	if strings.Count(managed.Text(), "also restores") != 1 {
		t.Error("the note about restored privileges is not shown once")
	}
}

// TestShareThatKeepsRights: the summary of a share that keeps other rights does not say "Read only".
func TestShareThatKeepsRights(t *testing.T) {
	o := options()
	o.Except = []string{"DB-VIEW-LEAST-ACCESS"}
	p := build(t, o, func(_ *audit.Result, s *snapshot.Snapshot) {
		s.Shares[id(user)][id(accounts)] = snapshot.Share{Rights: []snapshot.Right{snapshot.RightWrite, snapshot.RightShare}}
	})
	text := p.Text()
	checkContains(t, text, "add Read to the share of the view \"Accounts\"", "which keeps its other rights", "write, share → read, write, share")
	if strings.Contains(text, "Read only") {
		t.Error(text)
	}
}

func TestReasons(t *testing.T) {
	p := build(t, options(), func(r *audit.Result, _ *snapshot.Snapshot) {
		for i := range r.Controls {
			if c := &r.Controls[i]; c.ID == "DB-PRIV-LEAD" {
				c.Findings[0].Message = "the role lacks prvReadLead"
			}
		}
		for _, control := range []audit.ControlID{"A", "B"} {
			r.Controls = append(r.Controls, audit.Control{ID: control, Outcome: audit.OutcomeUnknown, Reason: "users were not read"})
		}
	})
	checkContains(t, p.Text(), "why: DB-PRIV-LEAD: the role lacks prvReadLead", "not judged: users were not read (A, B)")
	checkContains(t, p.Markdown(), "DB-PRIV-LEAD: the role lacks prvReadLead", "- not judged: users were not read (A, B)")
	checkContains(t, build(t, options(), noUser).Text(), "why: DB-USER-ROLE would fail next, once this is fixed")
}

func TestSummaryWithoutActions(t *testing.T) {
	o := func(only string) plan.Options {
		o := options()
		o.LeastPrivilege = false
		o.Only = []string{only}
		return o
	}
	for control, want := range map[string]string{
		"DB-USER-EXISTS":          "Nothing to change: 9 findings left out by --only or --except.",
		"DB-ROLE-LEAST-PRIVILEGE": "Nothing to change: 1 change skipped (needs a flag); 8 findings left out by --only or --except.",
		"DB-PRIV-LIST":            "Nothing to change: 1 manual step; 8 findings left out by --only or --except.",
	} {
		if got := build(t, o(control), nil).Summary(); got != want {
			t.Errorf("%s: %s", control, got)
		}
	}
	compliant := build(t, options(), func(r *audit.Result, _ *snapshot.Snapshot) { r.Controls = nil })
	if got := compliant.Summary(); !compliant.Empty() || got != "Nothing to do: the environment meets the profile." {
		t.Error(got)
	}
}

// TestPortalWords: a plan shows access levels as the role editor does. Only requests have the Web
// API's depths.
func TestPortalWords(t *testing.T) {
	p := build(t, options(), nil)
	for _, text := range []string{p.Text(), p.Markdown()} {
		checkContains(t, text, "Organization")
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "    {") || strings.HasPrefix(line, "    \n") {
				continue // a request's body
			}
			for _, word := range []string{"global", "basic", "local ", "depth", "For people"} {
				if strings.Contains(line, word) {
					t.Errorf("%q is in %q", word, line)
				}
			}
		}
	}
	checkContains(t, p.Text(), "Account – Read (prvReadAccount): Business Unit → Organization")
	checkContains(t, p.Markdown(), "| ~ | Account – Read (prvReadAccount) | Business Unit | Organization |")
}

// TestWrapping: a wrapped plan fits the terminal, no word is broken, and the marks keep their
// indent.
func TestWrapping(t *testing.T) {
	p := build(t, options(), nil)
	words := strings.Fields(p.Text())
	for _, width := range []int{80, 100} { // a digest has 71 characters
		wrapped := text.WrapLines(p.Text(), width)
		if got := strings.Fields(wrapped); !slices.Equal(got, words) {
			t.Errorf("at %d columns words are broken", width)
		}
		for line := range strings.Lines(wrapped) {
			if n := text.Width(strings.TrimSuffix(line, "\n")); n > width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%d columns at %d: %s", n, width, line)
			}
		}
	}
	if narrow := text.WrapLines(p.Text(), 60); !strings.Contains(narrow, "\n  ~ 2. raise 1 privilege") {
		t.Errorf("the marks have another indent:\n%s", narrow)
	}
}
