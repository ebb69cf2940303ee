// Package history says from a series of results how long each control has had its outcome.
package history

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Format names the JSON form of a [History].
const Format = "dbaudit.history/v1"

// A History is what a series of results says, by environment.
type History struct {
	Format       string        `json:"format"`
	Environments []Environment `json:"environments"`
}

// An Environment is one environment under one profile.
type Environment struct {
	Name           string `json:"name"`
	URL            string `json:"url"`
	OrganizationID string `json:"organization_id"`
	Profile        string `json:"profile"`
	// Profiles are those of that name that the results were judged by, oldest first.
	Profiles []Judged `json:"profiles,omitempty"`
	// Verdict is the last one; Since is the first result in a row with it, and Before the
	// last with another.
	Verdict   audit.Verdict `json:"verdict"`
	Since     time.Time     `json:"since"`
	Before    *time.Time    `json:"before,omitempty"`
	Compliant *time.Time    `json:"last_compliant,omitempty"` // nil for never
	Results   []Point       `json:"results"`                  // all that were read, oldest first
	Controls  []Control     `json:"controls"`
	Changed   bool          `json:"-"` // a result requires something else than the one before
	Last      audit.Result  `json:"-"` // the newest of the results, whole
}

// A Judged is a profile, and the time of the first result in a row that it judged.
type Judged struct {
	Version string    `json:"version,omitempty"`
	Origin  string    `json:"origin,omitempty"`
	Digest  string    `json:"digest"`
	From    time.Time `json:"from"`
}

// A Point is one result.
type Point struct {
	TakenAt time.Time     `json:"taken_at"`
	Verdict audit.Verdict `json:"verdict"`
	Summary audit.Summary `json:"summary"`
	Unread  string        `json:"unread,omitempty"` // why nothing could be read at that time
}

// A Control is one control of the last result that has any.
type Control struct {
	ID       audit.ControlID `json:"id"`
	Title    string          `json:"title"`
	Severity audit.Severity  `json:"severity"`
	Outcome  audit.Outcome   `json:"outcome"`
	Findings int             `json:"findings"`
	// Since is the first result in a row with this outcome; Before is the last with another,
	// nil for none. The change is between them.
	Since  time.Time  `json:"since"`
	Before *time.Time `json:"before,omitempty"`
	Passed *time.Time `json:"last_passed,omitempty"` // nil for never
	Spans  []Span     `json:"spans"`                 // oldest first
}

// A Span is a series of results in which a control had the same outcome.
type Span struct {
	Outcome audit.Outcome `json:"outcome"`
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"`
	Results int           `json:"results"`
}

// Of is the history of results, by the time of their snapshots. Of several results on one
// snapshot the last evaluated counts, because waivers may have changed.
func Of(results []audit.Result) History {
	h := History{Format: Format, Environments: []Environment{}}
	for _, group := range grouped(results) {
		h.Environments = append(h.Environments, environment(group))
	}
	slices.SortFunc(h.Environments, func(a, b Environment) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.OrganizationID, b.OrganizationID))
	})
	return h
}

// grouped puts the results of one environment under one profile together, in their order.
func grouped(results []audit.Result) [][]audit.Result {
	type key struct{ organization, profile string }
	var groups [][]audit.Result
	known := map[key]int{}
	organizations := organizations(results)
	for _, r := range results {
		if r.Unread != nil && !r.IsFile() {
			r.Environment.OrganizationID = organizations[address(r)]
		}
		// A file has no organization.
		k := key{cmp.Or(strings.ToLower(r.Environment.OrganizationID), r.Environment.Name), r.Profile.Name}
		if _, ok := known[k]; !ok {
			known[k] = len(groups)
			groups = append(groups, nil)
		}
		groups[known[k]] = append(groups[known[k]], r)
	}
	for i := range groups {
		groups[i] = inOrder(groups[i])
	}
	return groups
}

// organizations are those at each address by the last result that has one. A result that could
// not be read has none, and belongs to the one at its address.
func organizations(results []audit.Result) map[string]string {
	byAddress, seen := map[string]string{}, map[string]time.Time{}
	for _, r := range results {
		at := address(r)
		if r.Environment.OrganizationID != "" && !when(r).Before(seen[at]) {
			byAddress[at], seen[at] = r.Environment.OrganizationID, when(r)
		}
	}
	return byAddress
}

func address(r audit.Result) string {
	return strings.ToLower(strings.TrimRight(r.Environment.URL, "/"))
}

// when is the time of the snapshot, or for a file, which has none, of the evaluation.
func when(r audit.Result) time.Time {
	return cmp.Or(r.Snapshot.TakenAt, r.EvaluatedAt)
}

// inOrder sorts results by time and leaves one of each snapshot.
func inOrder(results []audit.Result) []audit.Result {
	slices.SortStableFunc(results, func(a, b audit.Result) int {
		return cmp.Or(when(a).Compare(when(b)), a.EvaluatedAt.Compare(b.EvaluatedAt), cmp.Compare(a.Snapshot.Digest, b.Snapshot.Digest))
	})
	var out []audit.Result
	for _, r := range results {
		if n := len(out); n > 0 && out[n-1].Snapshot.Digest == r.Snapshot.Digest && when(out[n-1]).Equal(when(r)) {
			out = out[:n-1]
		}
		out = append(out, r)
	}
	return out
}

func profiles(results []audit.Result) []Judged {
	var all []Judged
	for _, r := range results {
		p := r.Profile
		if p.Digest != "" && (len(all) == 0 || all[len(all)-1].Digest != p.Digest) {
			all = append(all, Judged{p.Version, p.Origin, p.Digest, when(r)})
		}
	}
	return all
}

func environment(results []audit.Result) Environment {
	last := results[len(results)-1]
	e := Environment{
		Name: last.Environment.Name, URL: last.Environment.URL, OrganizationID: last.Environment.OrganizationID,
		Profile: last.Profile.Name, Profiles: profiles(results), Verdict: last.Verdict, Last: last,
	}
	var judged *audit.Result // the last one before
	for _, r := range results {
		p := Point{TakenAt: when(r), Verdict: r.Verdict, Summary: r.Summary}
		if r.Unread != nil {
			p.Unread = r.Unread.Message
		} else {
			e.Changed = e.Changed || judged != nil && r.RequirementsDiffer(*judged)
			judged = &r
		}
		e.Results = append(e.Results, p)
	}
	e.Since, e.Before, e.Compliant = Turns(e.Results)
	if judged != nil {
		for _, c := range judged.Controls {
			e.Controls = append(e.Controls, control(c, results))
		}
	}
	return e
}

// Turns says of results, oldest first, which is the first in a row with the last verdict, which
// is the last before it, and which is the last compliant one; nil for none.
func Turns(points []Point) (since time.Time, before, compliant *time.Time) {
	last := points[len(points)-1].Verdict
	for i, p := range points {
		if p.Verdict == audit.VerdictCompliant {
			compliant = &p.TakenAt
		}
		if p.Verdict != last {
			before = &p.TakenAt
		}
		if i == 0 || points[i-1].Verdict != p.Verdict {
			since = p.TakenAt
		}
	}
	return since, before, compliant
}

// control follows a control through the results that have it, or that could not be read.
func control(last audit.Control, results []audit.Result) Control {
	c := Control{ID: last.ID, Title: last.Title, Severity: last.Severity}
	for _, r := range results {
		at := when(r)
		i := slices.IndexFunc(r.Controls, func(other audit.Control) bool { return other.ID == last.ID })
		switch {
		case r.Unread != nil:
			c.Outcome, c.Findings = audit.OutcomeUnknown, 0
		case i < 0:
			continue
		default:
			c.Outcome, c.Findings = r.Controls[i].Outcome, len(r.Controls[i].Findings)
		}
		if c.Outcome == audit.OutcomePass {
			c.Passed = &at
		}
		if n := len(c.Spans); n == 0 || c.Spans[n-1].Outcome != c.Outcome {
			c.Spans = append(c.Spans, Span{Outcome: c.Outcome, From: at})
		}
		span := &c.Spans[len(c.Spans)-1]
		span.To = at
		span.Results++
	}
	n := len(c.Spans)
	c.Since = c.Spans[n-1].From
	if n > 1 {
		c.Before = &c.Spans[n-2].To
	}
	return c
}

// Worse reports whether the last result is worse than the one before it: it is not compliant
// any more, has more failed controls, or could not be read.
func (e Environment) Worse() bool {
	n := len(e.Results)
	if n < 2 {
		return false
	}
	before, last := e.Results[n-2], e.Results[n-1]
	return before.Verdict == audit.VerdictCompliant && last.Verdict != audit.VerdictCompliant ||
		before.Unread == "" && last.Unread != "" || last.Summary.Fail > before.Summary.Fail
}

// Since gives, for each environment and profile, the result that was the newest at a time, and
// the newest that came later. One may be missing.
func Since(results []audit.Result, at time.Time) (older, newer []audit.Result) {
	for _, group := range grouped(results) {
		last := group[len(group)-1]
		for _, r := range slices.Backward(group) {
			if !when(r).After(at) {
				older = append(older, r)
				break
			}
		}
		if when(last).After(at) {
			newer = append(newer, last)
		}
	}
	for _, list := range [][]audit.Result{older, newer} {
		slices.SortFunc(list, func(a, b audit.Result) int {
			return cmp.Or(cmp.Compare(a.Environment.Name, b.Environment.Name), cmp.Compare(a.Profile.Name, b.Profile.Name))
		})
	}
	return older, newer
}
