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
	Profiles []ProfilePeriod `json:"profiles,omitempty"`
	// Verdict is the last one; Since is the first result in a row with it, and Before the
	// last with another.
	Verdict             audit.Verdict `json:"verdict"`
	Since               time.Time     `json:"since"`
	Before              *time.Time    `json:"before,omitempty"`
	LastCompliant       *time.Time    `json:"last_compliant,omitempty"` // nil for never
	Results             []Point       `json:"results"`                  // all that were read, oldest first
	Controls            []Control     `json:"controls"`
	RequirementsChanged bool          `json:"-"` // a result requires something else than the one before
	Last                audit.Result  `json:"-"` // the newest of the results, whole
}

// A ProfilePeriod is a profile, and the time of the first result in a row that it judged.
type ProfilePeriod struct {
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
	Since      time.Time  `json:"since"`
	Before     *time.Time `json:"before,omitempty"`
	LastPassed *time.Time `json:"last_passed,omitempty"` // nil for never
	Spans      []Span     `json:"spans"`                 // oldest first
}

// A Span is a series of results in which a control had the same outcome.
type Span struct {
	Outcome audit.Outcome `json:"outcome"`
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"`
	Results int           `json:"results"`
}

// FromResults is the history of results, by the time of their snapshots. Of several results on one
// snapshot the last evaluated counts, because waivers may have changed.
func FromResults(results []audit.Result) History {
	h := History{Format: Format, Environments: []Environment{}}
	for _, group := range groupByEnvironment(results) {
		h.Environments = append(h.Environments, newEnvironment(group))
	}
	slices.SortFunc(h.Environments, func(a, b Environment) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.OrganizationID, b.OrganizationID))
	})
	return h
}

// groupByEnvironment puts the results of one environment under one profile together, in their order.
func groupByEnvironment(results []audit.Result) [][]audit.Result {
	type key struct{ organization, profile string }
	var groups [][]audit.Result
	known := map[key]int{}
	organizations := organizationsByAddress(results)
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
		groups[i] = sortByTime(groups[i])
	}
	return groups
}

// organizationsByAddress are those at each address by the last result that has one. A result that could
// not be read has none, and belongs to the one at its address.
func organizationsByAddress(results []audit.Result) map[string]string {
	byAddress, seen := map[string]string{}, map[string]time.Time{}
	for _, r := range results {
		at := address(r)
		if r.Environment.OrganizationID != "" && !resultTime(r).Before(seen[at]) {
			byAddress[at], seen[at] = r.Environment.OrganizationID, resultTime(r)
		}
	}
	return byAddress
}

func address(r audit.Result) string {
	return strings.ToLower(strings.TrimRight(r.Environment.URL, "/"))
}

// resultTime is the time of the snapshot, or for a file, which has none, of the evaluation.
func resultTime(r audit.Result) time.Time {
	return cmp.Or(r.Snapshot.TakenAt, r.EvaluatedAt)
}

// sortByTime sorts results by time and leaves one of each snapshot.
func sortByTime(results []audit.Result) []audit.Result {
	slices.SortStableFunc(results, func(a, b audit.Result) int {
		return cmp.Or(resultTime(a).Compare(resultTime(b)), a.EvaluatedAt.Compare(b.EvaluatedAt), cmp.Compare(a.Snapshot.Digest, b.Snapshot.Digest))
	})
	var out []audit.Result
	for _, r := range results {
		if n := len(out); n > 0 && out[n-1].Snapshot.Digest == r.Snapshot.Digest && resultTime(out[n-1]).Equal(resultTime(r)) {
			out = out[:n-1]
		}
		out = append(out, r)
	}
	return out
}

func profilePeriods(results []audit.Result) []ProfilePeriod {
	var all []ProfilePeriod
	for _, r := range results {
		p := r.Profile
		if p.Digest != "" && (len(all) == 0 || all[len(all)-1].Digest != p.Digest) {
			all = append(all, ProfilePeriod{p.Version, p.Origin, p.Digest, resultTime(r)})
		}
	}
	return all
}

func newEnvironment(results []audit.Result) Environment {
	last := results[len(results)-1]
	e := Environment{
		Name: last.Environment.Name, URL: last.Environment.URL, OrganizationID: last.Environment.OrganizationID,
		Profile: last.Profile.Name, Profiles: profilePeriods(results), Verdict: last.Verdict, Last: last,
	}
	var judged *audit.Result // the last one before
	for _, r := range results {
		p := Point{TakenAt: resultTime(r), Verdict: r.Verdict, Summary: r.Summary}
		if r.Unread != nil {
			p.Unread = r.Unread.Message
		} else {
			e.RequirementsChanged = e.RequirementsChanged || judged != nil && r.RequirementsDiffer(*judged)
			judged = &r
		}
		e.Results = append(e.Results, p)
	}
	e.Since, e.Before, e.LastCompliant = LastChange(e.Results)
	if judged != nil {
		for _, c := range judged.Controls {
			e.Controls = append(e.Controls, newControl(c, results))
		}
	}
	return e
}

// LastChange says of results, oldest first, which is the first in a row with the last verdict, which
// is the last before it, and which is the last compliant one; nil for none.
func LastChange(points []Point) (since time.Time, before, compliant *time.Time) {
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

// newControl follows a control through the results that have it, or that could not be read.
func newControl(last audit.Control, results []audit.Result) Control {
	c := Control{ID: last.ID, Title: last.Title, Severity: last.Severity}
	for _, r := range results {
		at := resultTime(r)
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
			c.LastPassed = &at
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

// HasWorsened reports whether the last result is worse than the one before it: it is not compliant
// any more, has more failed controls, or could not be read.
func (e Environment) HasWorsened() bool {
	n := len(e.Results)
	if n < 2 {
		return false
	}
	before, last := e.Results[n-2], e.Results[n-1]
	return before.Verdict == audit.VerdictCompliant && last.Verdict != audit.VerdictCompliant ||
		before.Unread == "" && last.Unread != "" || last.Summary.Fail > before.Summary.Fail
}

// SplitAt gives, for each environment and profile, the result that was the newest at a time, and
// the newest that came later. One may be missing.
func SplitAt(results []audit.Result, at time.Time) (older, newer []audit.Result) {
	for _, group := range groupByEnvironment(results) {
		last := group[len(group)-1]
		for _, r := range slices.Backward(group) {
			if !resultTime(r).After(at) {
				older = append(older, r)
				break
			}
		}
		if resultTime(last).After(at) {
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
