package history_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
)

// on returns a result of a day of January with the outcomes of the controls A and B.
func on(day int, a, b audit.Outcome) audit.Result {
	at := time.Date(2026, 1, day, 6, 0, 0, 0, time.UTC)
	controls := []audit.Control{
		{ID: "A", Severity: audit.SeverityHigh, Outcome: a}, {ID: "B", Severity: audit.SeverityLow, Outcome: b},
	}
	r := audit.Result{
		Environment: audit.Environment{Name: "prod", URL: "https://prod.example", OrganizationID: "ORG"}, Profile: audit.Profile{Name: "p"},
		Snapshot: audit.Snapshot{Digest: fmt.Sprint(day), TakenAt: at}, EvaluatedAt: at.Add(time.Minute), Controls: controls,
		Integration: &audit.Integration{},
	}
	r.Summary = audit.Summarize(controls)
	r.Verdict = r.Summary.Verdict()
	return r
}

// gap returns the result of a day on which the environment could not be read. Its organization is
// unknown.
func gap(day int) audit.Result {
	r := on(day, unknown, unknown)
	r.Environment.OrganizationID, r.Snapshot, r.Controls = "", audit.Snapshot{}, nil
	r.Summary, r.Verdict, r.Unread = audit.Summary{}, audit.VerdictIncomplete, &audit.Unread{Message: "nothing answers there"}
	return r
}

const (
	pass    = audit.OutcomePass
	fail    = audit.OutcomeFail
	unknown = audit.OutcomeUnknown
)

func TestFromResults(t *testing.T) {
	for _, test := range []struct {
		name    string
		results []audit.Result
		want    string // verdict since before compliant; A: outcome since before passed
	}{
		{"one", []audit.Result{on(1, pass, pass)}, "compliant 1 - 1; pass 1 - 1"},
		{"never met", []audit.Result{on(1, fail, pass), on(2, fail, pass)}, "noncompliant 1 - -; fail 1 - -"},
		{"broke", []audit.Result{on(1, pass, pass), on(2, pass, pass), on(4, fail, pass), on(5, fail, pass)}, "noncompliant 4 2 2; fail 4 2 2"},
		{"in another order", []audit.Result{on(5, fail, pass), on(2, pass, pass), on(4, fail, pass), on(1, pass, pass)}, "noncompliant 4 2 2; fail 4 2 2"},
		{"fixed", []audit.Result{on(1, pass, pass), on(2, fail, pass), on(3, pass, pass)}, "compliant 3 2 3; pass 3 2 3"},
		{"another control broke", []audit.Result{on(1, pass, pass), on(2, pass, fail)}, "noncompliant 2 1 1; pass 1 - 2"},
		{"unknown now", []audit.Result{on(1, pass, pass), on(2, unknown, pass)}, "incomplete 2 1 1; unknown 2 1 1"},
		{"unknown between", []audit.Result{on(1, fail, pass), on(2, unknown, pass), on(3, fail, pass)}, "noncompliant 3 2 -; fail 3 2 -"},
		{"unread between", []audit.Result{on(1, pass, pass), gap(2), on(3, pass, pass)}, "compliant 3 2 3; pass 3 2 3"},
		{"unread now", []audit.Result{on(1, pass, pass), gap(2), gap(3)}, "incomplete 2 1 1; unknown 2 1 1"},
		{"judged again", []audit.Result{on(1, pass, pass), on(2, fail, pass), again(on(2, pass, pass))}, "compliant 1 - 2; pass 1 - 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := history.FromResults(test.results)
			if len(h.Environments) != 1 {
				t.Fatalf("%d environments", len(h.Environments))
			}
			e := h.Environments[0]
			a := e.Controls[0]
			got := fmt.Sprintf("%s %d %s %s; %s %d %s %s", e.Verdict, e.Since.Day(), day(e.Before), day(e.LastCompliant), a.Outcome, a.Since.Day(), day(a.Before), day(a.LastPassed))
			if got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if e.Last.Verdict != e.Verdict || e.Last.Unread == nil && !e.Last.Snapshot.TakenAt.Equal(e.Results[len(e.Results)-1].TakenAt) {
				t.Errorf("the last result is %s of %s", e.Last.Verdict, e.Last.Snapshot.TakenAt)
			}
			if _, err := json.Marshal(h); err != nil {
				t.Error(err)
			}
		})
	}
}

// again returns a later result of the same snapshot.
func again(r audit.Result) audit.Result {
	r.EvaluatedAt = r.EvaluatedAt.Add(time.Hour)
	return r
}

func day(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return fmt.Sprint(t.Day())
}

// TestEnvironmentsAndProfiles proves that each environment and profile has a separate history, and
// that a renamed environment keeps its own.
func TestEnvironmentsAndProfiles(t *testing.T) {
	renamed, other, profile := on(2, fail, pass), on(3, pass, pass), on(4, pass, pass)
	renamed.Environment = audit.Environment{Name: "live", OrganizationID: "org"}
	other.Environment.OrganizationID = "another"
	profile.Profile.Name = "q"
	h := history.FromResults([]audit.Result{on(1, pass, pass), renamed, other, profile})
	var got []string
	for _, e := range h.Environments {
		got = append(got, fmt.Sprintf("%s/%s:%d", e.Name, e.Profile, len(e.Results)))
	}
	if want := "[live/p:2 prod/p:1 prod/q:1]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestNewControl proves that the history of a control begins with the first result that has it.
func TestNewControl(t *testing.T) {
	older := on(1, pass, pass)
	older.Controls = older.Controls[1:]
	c := history.FromResults([]audit.Result{older, on(2, pass, pass)}).Environments[0].Controls[0]
	if c.ID != "A" || c.Since.Day() != 2 || c.Before != nil || len(c.Spans) != 1 {
		t.Errorf("%+v", c)
	}
}

// TestFiles proves that results of files, which have no time of their own, are sorted by their time
// of evaluation.
func TestFiles(t *testing.T) {
	early, late := on(1, pass, pass), on(2, fail, pass)
	early.Snapshot, late.Snapshot = audit.Snapshot{Digest: "b"}, audit.Snapshot{Digest: "a"}
	e := history.FromResults([]audit.Result{late, early}).Environments[0]
	if e.Verdict != audit.VerdictNoncompliant || e.Since.Day() != 2 || len(e.Results) != 2 {
		t.Errorf("%+v", e)
	}
}

// TestProfilesChange proves that a history lists the versions of a profile.
func TestProfilesChange(t *testing.T) {
	first, second, third := on(1, pass, pass), on(2, pass, pass), on(3, pass, pass)
	first.Profile.Digest, second.Profile.Digest, third.Profile.Digest = "sha256:a", "sha256:a", "sha256:b"
	got := history.FromResults([]audit.Result{first, second, third}).Environments[0].Profiles
	if len(got) != 2 || got[0].Digest != "sha256:a" || got[1].Digest != "sha256:b" || got[1].From.Day() != 3 {
		t.Errorf("got %+v", got)
	}
	if same := history.FromResults([]audit.Result{first, second}).Environments[0].Profiles; len(same) != 1 || same[0].Digest != "sha256:a" {
		t.Errorf("of one profile: %+v", same)
	}
	if undated := history.FromResults([]audit.Result{on(1, pass, pass)}).Environments[0].Profiles; undated != nil {
		t.Errorf("without digests: %+v", undated)
	}
}

// TestRequirementsChanged proves that changed requirements are noticed, even under the same profile.
func TestRequirementsChanged(t *testing.T) {
	t.Parallel()
	allowed, profile := on(2, pass, pass), on(2, pass, pass)
	allowed.Integration = &audit.Integration{Allowed: []string{"prvDeleteLead"}}
	profile.Profile.Digest = "sha256:b"
	first := on(1, fail, pass)
	first.Profile.Digest = "sha256:a"
	for name, test := range map[string]struct {
		second audit.Result
		want   bool
	}{"nothing": {on(2, pass, pass), false}, "allowed": {allowed, true}, "profile": {profile, true}, "unread": {gap(2), false}} {
		if got := history.FromResults([]audit.Result{first, test.second}).Environments[0].RequirementsChanged; got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if never := history.FromResults([]audit.Result{gap(1)}).Environments[0]; never.RequirementsChanged || never.Controls != nil {
		t.Errorf("never read: %+v", never)
	}
}

func TestHasWorsened(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		results []audit.Result
		want    bool
	}{
		"one":         {[]audit.Result{on(1, fail, fail)}, false},
		"the same":    {[]audit.Result{on(1, fail, pass), on(2, fail, pass)}, false},
		"better":      {[]audit.Result{on(1, fail, pass), on(2, pass, pass)}, false},
		"one more":    {[]audit.Result{on(1, fail, pass), on(2, fail, fail)}, true},
		"fails":       {[]audit.Result{on(1, pass, pass), on(2, fail, pass)}, true},
		"unknown":     {[]audit.Result{on(1, pass, pass), on(2, pass, unknown)}, true},
		"not read":    {[]audit.Result{on(1, fail, pass), gap(2)}, true},
		"read again":  {[]audit.Result{gap(1), on(2, pass, pass)}, false},
		"long before": {[]audit.Result{on(1, pass, pass), on(2, fail, pass), on(3, fail, pass)}, false},
	} {
		if got := history.FromResults(test.results).Environments[0].HasWorsened(); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestSplitAt(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 1, n, 6, 0, 0, 0, time.UTC) }
	of := func(name string, n int) audit.Result {
		return audit.Result{
			Environment: audit.Environment{Name: name, OrganizationID: name, URL: "https://" + name},
			Profile:     audit.Profile{Name: "demandbase"},
			Snapshot:    audit.Snapshot{TakenAt: day(n), Digest: name + day(n).String()},
		}
	}
	all := []audit.Result{of("b", 9), of("a", 1), of("a", 8), of("a", 5), of("new", 9), of("forgotten", 2), of("b", 3)}
	listed := func(list []audit.Result) string {
		var words []string
		for _, r := range list {
			words = append(words, r.Environment.Name+r.Snapshot.TakenAt.Format("02"))
		}
		return strings.Join(words, " ")
	}
	for _, test := range []struct {
		at           time.Time
		older, newer string
	}{
		{day(6), "a05 b03 forgotten02", "a08 b09 new09"},
		{day(5), "a05 b03 forgotten02", "a08 b09 new09"},
		{day(5).Add(-time.Second), "a01 b03 forgotten02", "a08 b09 new09"},
		{day(0), "", "a08 b09 forgotten02 new09"},
		{day(20), "a08 b09 forgotten02 new09", ""},
	} {
		older, newer := history.SplitAt(all, test.at)
		if listed(older) != test.older || listed(newer) != test.newer {
			t.Errorf("%s: older %q, newer %q", test.at, listed(older), listed(newer))
		}
	}
}
