package store_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
)

// drawResult draws a result of three controls. If U fails, the others are not applicable.
func drawResult(t *rapid.T) (revision string, controls []control) {
	revision = rapid.SampledFrom([]string{"1", "1", "1", "2"}).Draw(t, "revision")
	for _, id := range []string{"U", "A", "B"} {
		if id == "B" && revision == "2" && rapid.Bool().Draw(t, "dropped") {
			continue // the new profile does not have it
		}
		c := control{id: id, outcome: rapid.SampledFrom(audit.Outcomes()).Draw(t, id)}
		switch c.outcome {
		case audit.OutcomeFail, audit.OutcomeWaived:
			c.findings = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 1, 3, rapid.ID).Draw(t, "findings")
			c.unjudged = c.outcome == audit.OutcomeFail && rapid.Bool().Draw(t, "in part")
		case audit.OutcomeNotApplicable:
			c.reason = rapid.SampledFrom([]string{"see U", "nothing of it is required"}).Draw(t, "reason")
		case audit.OutcomeUnknown, audit.OutcomePass:
		}
		controls = append(controls, c)
	}
	return revision, controls
}

// An oracle computes spans from all results of an integration.
type oracle []audit.Result

func (o oracle) control(i int, id audit.ControlID) *audit.Control {
	for _, c := range o[i].Controls {
		if c.ID == id {
			return &c
		}
	}
	return nil
}

func (o oracle) has(i int, id audit.ControlID, fingerprint string) bool {
	c := o.control(i, id)
	return c != nil && slices.ContainsFunc(c.Findings, func(f audit.Finding) bool { return f.Fingerprint == fingerprint })
}

// ends reports whether result i, which does not have a finding, closes it, and why. Result last is
// the last one that has it.
func (o oracle) ends(i, last int, id audit.ControlID) (store.Reason, bool) {
	c := o.control(i, id)
	if c == nil {
		return store.ReasonProfileChanged, true
	}
	u := o.control(i, "U")
	switch {
	case c.Outcome == audit.OutcomeUnknown || len(c.Unjudged) > 0:
		return "", false
	case c.Outcome == audit.OutcomeNotApplicable:
		hidden := id != "U" && c.Reason == "see U" && u.Outcome != audit.OutcomePass && u.Outcome != audit.OutcomeNotApplicable
		return store.ReasonNotRequired, !hidden
	case o[i].Profile.Digest != o[last].Profile.Digest:
		return store.ReasonProfileChanged, true
	}
	return store.ReasonFixed, true
}

// findings returns the spans of a finding.
func (o oracle) findings(id audit.ControlID, fingerprint string) []string {
	var spans []string
	first, last := -1, -1
	for i := range o {
		if o.has(i, id, fingerprint) {
			if first < 0 {
				first = i
			}
			last = i
			continue
		}
		if first < 0 {
			continue
		}
		if reason, ended := o.ends(i, last, id); ended {
			spans = append(spans, fmt.Sprintf("%s %s %d-%d ended by %d, %s", id, fingerprint, first, last, i, reason))
			first = -1
		}
	}
	if first >= 0 {
		spans = append(spans, fmt.Sprintf("%s %s %d-%d open", id, fingerprint, first, last))
	}
	return spans
}

// controls returns the spans of a control: first those in which it is unknown, then the others,
// which ignore the unknown results.
func (o oracle) controls(id audit.ControlID) []string {
	var spans []string
	addSpans := func(unknown bool) {
		from, to := -1, -1
		var outcome audit.Outcome
		end := func() {
			if from >= 0 {
				spans = append(spans, fmt.Sprintf("%s %s %d-%d", id, outcome, from, to))
			}
			from = -1
		}
		for i := range o {
			c := o.control(i, id)
			switch {
			case c == nil:
				end()
			case (c.Outcome == audit.OutcomeUnknown) != unknown:
				if unknown {
					end()
				}
			case from >= 0 && c.Outcome == outcome:
				to = i
			default:
				end()
				from, to, outcome = i, i, c.Outcome
			}
		}
		end()
	}
	addSpans(true)
	addSpans(false)
	return spans
}

// TestSpansMatchOracle compares the spans of random results with an oracle. A finding is closed
// only by a result that judged its control. An unknown outcome does not interrupt other spans. A
// finding that ended with a change of the profile is not fixed.
func TestSpansMatchOracle(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, filepath.Join(t.TempDir(), "fleet.db"), c)
	environments := 0
	rapid.Check(t, func(t *rapid.T) {
		environments++
		name := fmt.Sprintf("e%d", environments)
		var results oracle
		for range rapid.IntRange(1, 9).Draw(t, "results") {
			revision, controls := drawResult(t)
			c.advance(1e9)
			r := result(name, revision, c.at, controls...)
			results = append(results, r)
			if err := s.Record(t.Context(), []audit.Result{r}, nil, "test"); err != nil {
				t.Fatal(err)
			}
		}
		points := must.Get(s.Trend(t.Context(), name, "demandbase", c.at.Add(-1e12)))
		number := map[int64]int{}
		for i, p := range points {
			number[p.Run] = i
		}
		var got, want []string
		for _, f := range must.Get(s.Findings(t.Context(), name)) {
			line := fmt.Sprintf("%s %s %d-%d ", f.Control, f.Fingerprint, number[f.FirstRun], number[f.LastSeenRun])
			if f.ClosedRun == 0 {
				line += "open"
			} else {
				line += fmt.Sprintf("ended by %d, %s", number[f.ClosedRun], f.ClosedReason)
			}
			got = append(got, line)
		}
		for _, c := range must.Get(s.ControlSpans(t.Context(), name, "demandbase")) {
			got = append(got, fmt.Sprintf("%s %s %d-%d", c.Control, c.Outcome, number[c.FromRun], number[c.ToRun]))
		}
		for _, id := range []audit.ControlID{"U", "A", "B"} {
			for _, f := range []string{"x", "y", "z"} {
				fingerprint := audit.Fingerprint(id, organization, audit.Subject{Kind: audit.SubjectRole, ID: "r"}, f)
				want = append(want, results.findings(id, fingerprint)...)
			}
			want = append(want, results.controls(id)...)
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-oracle +store):\n%s", diff)
		}
		for _, id := range []audit.ControlID{"U", "A", "B"} {
			now := must.Get(s.ControlStatuses(t.Context(), id))
			i := slices.IndexFunc(now, func(c store.ControlStatus) bool { return c.Environment == name })
			last := results.control(len(results)-1, id)
			if (last == nil) != (i < 0) || last != nil && now[i].Outcome != last.Outcome {
				t.Fatalf("%s is %+v, and in the last result it is %+v", id, now, last)
			}
		}
		open := 0
		for _, f := range must.Get(s.OpenFindings(t.Context(), name)) {
			if !f.Waived {
				open++
			}
		}
		if st := must.Get(s.Status(t.Context(), name)); st[0].OpenFindings() != open {
			t.Fatalf("the status counts %d open findings, and there are %d", st[0].OpenFindings(), open)
		}
	})
}
