// Package history derives from a series of results how long each control has had its outcome.
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

// A History contains the history of each environment and profile.
type History struct {
	Format       string        `json:"format"`
	Environments []Environment `json:"environments"`
}

// An Environment is the history of an environment under a profile.
type Environment struct {
	Name           string `json:"name"`
	URL            string `json:"url"`
	OrganizationID string `json:"organization_id"`
	Profile        string `json:"profile"`
	// Profiles are the versions of the profile that judged the results, oldest first.
	Profiles []ProfilePeriod `json:"profiles,omitempty"`
	// Verdict is the last verdict. Since is the time of the first consecutive result with it, and
	// Before the time of the last result with a different verdict.
	Verdict             audit.Verdict `json:"verdict"`
	Since               time.Time     `json:"since"`
	Before              *time.Time    `json:"before,omitempty"`
	LastCompliant       *time.Time    `json:"last_compliant,omitempty"` // nil if it never was
	Results             []Point       `json:"results"`                  // oldest first
	Controls            []Control     `json:"controls"`
	RequirementsChanged bool          `json:"-"` // the requirements of some result differ from those of the previous one
	Last                audit.Result  `json:"-"` // the newest result
}

// A ProfilePeriod is a version of a profile, from the first consecutive result that it judged.
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
	Unread  string        `json:"unread,omitempty"` // why the environment could not be read
}

// A Control is the history of a control of the last result with controls.
type Control struct {
	ID       audit.ControlID `json:"id"`
	Title    string          `json:"title"`
	Severity audit.Severity  `json:"severity"`
	Outcome  audit.Outcome   `json:"outcome"`
	Findings int             `json:"findings"`
	// Since is the time of the first consecutive result with this outcome. Before is the time of
	// the last result with a different outcome; nil if none exists.
	Since      time.Time  `json:"since"`
	Before     *time.Time `json:"before,omitempty"`
	LastPassed *time.Time `json:"last_passed,omitempty"` // nil for never
	Spans      []Span     `json:"spans"`                 // oldest first
}

// A Span is a series of consecutive results in which a control has the same outcome.
type Span struct {
	Outcome audit.Outcome `json:"outcome"`
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"`
	Results int           `json:"results"`
}

// FromResults returns the history of results. Their times are those of their snapshots. Of several
// results of one snapshot, the last evaluated counts, because waivers may have changed.
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

func groupByEnvironment(results []audit.Result) [][]audit.Result {
	type key struct{ organization, profile string }
	var groups [][]audit.Result
	indexes := map[key]int{}
	organizations := organizationsByAddress(results)
	for _, r := range results {
		if r.Unread != nil && !r.IsFile() {
			r.Environment.OrganizationID = organizations[address(r)]
		}
		// A file has no organization.
		k := key{cmp.Or(strings.ToLower(r.Environment.OrganizationID), r.Environment.Name), r.Profile.Name}
		i, ok := indexes[k]
		if !ok {
			i = len(groups)
			indexes[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	for i := range groups {
		groups[i] = sortByTime(groups[i])
	}
	return groups
}

// organizationsByAddress returns the last known organization of each address. The result of an
// environment that could not be read has no organization.
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

// resultTime returns the time of the snapshot or, for a file, of the evaluation.
func resultTime(r audit.Result) time.Time { return cmp.Or(r.Snapshot.TakenAt, r.EvaluatedAt) }

// sortByTime sorts results by time and keeps the last evaluated result of each snapshot.
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
	var judged *audit.Result // the last result with controls
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

// LastChange returns the times of the first consecutive result with the last verdict, of the last
// result with a different verdict, and of the last compliant result; nil if none exists. The points
// are sorted by time, oldest first.
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

// newControl returns the history of a control in the results that have it. It is unknown in those
// that could not be read.
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

// HasWorsened reports whether the last result is worse than the previous one: it is no longer
// compliant, has more failed controls, or could not be read.
func (e Environment) HasWorsened() bool {
	n := len(e.Results)
	if n < 2 {
		return false
	}
	before, last := e.Results[n-2], e.Results[n-1]
	return before.Verdict == audit.VerdictCompliant && last.Verdict != audit.VerdictCompliant ||
		before.Unread == "" && last.Unread != "" || last.Summary.Fail > before.Summary.Fail
}

// SplitAt returns, for each environment and profile, the last result at a time and the newest result
// after it. Either may be missing.
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
