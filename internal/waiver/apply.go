package waiver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Options say how waivers count.
type Options struct {
	// AsOf is the time that expiry dates are compared with.
	AsOf time.Time
	// Environments are the environments of the configuration; empty if it names none. If
	// there are several, a waiver that names none is broader than its finding.
	Environments []string
	// Shared are the controls that several integrations of an environment have, by the
	// environment's name, or "" if it has none. A waiver of one of them that names no
	// profile is broader than its finding.
	Shared map[string]map[audit.ControlID]bool
	// Partial says that the waivers may also apply to other results, so that one that names
	// no environment is not called unused.
	Partial bool
}

func (o Options) shared(r audit.Result, id audit.ControlID) bool {
	return o.Shared[r.Environment.Name][id] || o.Shared[""][id]
}

// A RemarkKind is the kind of a remark about a waiver.
type RemarkKind string

// The kinds of remark.
const (
	// Expired: it no longer counts.
	Expired RemarkKind = "expired"
	// Expiring: it counts for at most [WarnDays] more days.
	Expiring RemarkKind = "expiring"
	// Unused: it covers no finding.
	Unused RemarkKind = "unused"
	// Refused: it is broader than its finding without saying so, and does not count.
	Refused RemarkKind = "refused"
)

// A Remark is something that the owner of a waiver has to do.
type Remark struct {
	Kind   RemarkKind
	Waiver Waiver
	// Text says what is wrong and what to do, without the place in the file.
	Text string
}

// Apply returns the results with the waivers applied, and remarks about the waivers. It
// does not change the given results. Remarks are in the order of the file; each remark
// about a result is also among the result's notes.
func (f *File) Apply(results []audit.Result, o Options) ([]audit.Result, []Remark) {
	a := application{file: f, options: o, uses: make([]use, len(f.Waivers))}
	out := make([]audit.Result, len(results))
	for i, r := range results {
		out[i] = a.result(r)
	}
	var remarks []Remark
	for i := range f.Waivers {
		remarks = append(remarks, a.remarks(i, results)...)
	}
	for i := range out {
		for _, remark := range remarks {
			if remark.Waiver.reaches(out[i]) {
				out[i].Notes = append(out[i].Notes, fmt.Sprintf("%s:%d: %s", f.Name, remark.Waiver.Line, remark.Text))
			}
		}
	}
	return out, remarks
}

// use is how one waiver was used.
type use struct {
	covered   int      // findings that it covers, whether or not it counts
	missing   []string // what the first finding has that makes the waiver invalid
	unjudged  []string // environments in which its control was not judged
	reachable bool     // an environment that it applies to was judged
	known     bool     // a result has its control
}

type application struct {
	file    *File
	options Options
	uses    []use
}

func (w *Waiver) reaches(r audit.Result) bool {
	return (w.Environment == "" || w.Environment == r.Environment.Name) && (w.Profile == "" || w.Profile == r.Profile.Name)
}

func (a *application) result(r audit.Result) audit.Result {
	r.Notes = slices.Clone(r.Notes)
	r.Controls = slices.Clone(r.Controls)
	for i := range r.Controls {
		a.control(&r.Controls[i], r)
	}
	for i := range a.file.Waivers {
		a.uses[i].reachable = a.uses[i].reachable || r.Unread == nil && a.file.Waivers[i].reaches(r)
	}
	r.Summary = audit.Summarize(r.Controls)
	r.Verdict = audit.Judge(r.Summary)
	return r
}

func (a *application) control(c *audit.Control, r audit.Result) {
	for i := range a.file.Waivers {
		w := &a.file.Waivers[i]
		if w.Control != c.ID || !w.reaches(r) {
			continue
		}
		a.uses[i].known = true
		if c.Outcome == audit.OutcomeUnknown || c.Outcome == audit.OutcomeNotApplicable {
			a.uses[i].unjudged = append(a.uses[i].unjudged, r.Environment.Name)
		}
	}
	if c.Outcome != audit.OutcomeFail {
		return
	}
	c.Findings = slices.Clone(c.Findings)
	open := 0
	for i := range c.Findings {
		a.finding(&c.Findings[i], c.ID, r)
		if c.Findings[i].Waiver == nil {
			open++
		}
	}
	if open > 0 || len(c.Findings) == 0 {
		return
	}
	original := c.Outcome
	c.Original, c.Outcome = &original, audit.OutcomeWaived
	if len(c.Unjudged) > 0 {
		// Findings are accepted; what was not read is not.
		c.Outcome, c.Reason = audit.OutcomeUnknown, strings.Join(c.Unjudged, "; ")
	}
}

func (a *application) finding(f *audit.Finding, id audit.ControlID, r audit.Result) {
	for i := range a.file.Waivers {
		w := &a.file.Waivers[i]
		if w.Control != id || !w.reaches(r) || !w.covers(*f) {
			continue
		}
		a.uses[i].covered++
		if missing := w.excess(*f, len(a.options.Environments) > 1, a.options.shared(r, id)); len(missing) > 0 && !w.Broad {
			if a.uses[i].missing == nil {
				a.uses[i].missing = missing
			}
			continue
		}
		if days, err := w.daysLeft(a.options.AsOf); err != nil || days < 0 || f.Waiver != nil {
			continue
		}
		f.Waiver = &audit.Waiver{Kind: string(w.Kind), Owner: w.Owner, Reason: w.Reason, Expires: w.Expires}
	}
}

// remarks returns the remarks about one waiver.
func (a *application) remarks(i int, results []audit.Result) []Remark {
	w, use := a.file.Waivers[i], a.uses[i]
	var remarks []Remark
	remark := func(kind RemarkKind, format string, args ...any) {
		remarks = append(remarks, Remark{Kind: kind, Waiver: w, Text: fmt.Sprintf("the waiver of %s ", &w) + fmt.Sprintf(format, args...)})
	}
	days, err := w.daysLeft(a.options.AsOf)
	switch {
	case err != nil:
		remark(Expired, "has no expiry date and does not count")
	case days < 0 && use.covered > 0:
		remark(Expired, "expired on %s and no longer counts: fix the finding, or accept it again", w.Expires)
	case days < 0:
		remark(Expired, "expired on %s: remove it", w.Expires)
	case len(use.missing) > 0:
		remark(Refused, "is broader than the finding and does not count: add %s, or set broad: true", strings.Join(use.missing, ", "))
	case use.covered == 0 && w.Environment != "" && len(a.options.Environments) > 0 && !slices.Contains(a.options.Environments, w.Environment):
		remark(Unused, "covers nothing: the configuration has no such environment, but %s", strings.Join(a.options.Environments, ", "))
	case a.options.Partial && w.Environment == "" && use.covered == 0:
	case use.reachable && !use.known:
		remark(Unused, "covers nothing: the profile has no such control")
	case use.reachable && use.covered == 0 && len(use.unjudged) == 0:
		remark(Unused, "covers no finding of %s: remove it", environments(w, results))
	case days <= WarnDays:
		remark(Expiring, "by %s ends on %s: fix the finding before then, or accept it again", w.Owner, w.Expires)
	}
	return remarks
}

func environments(w Waiver, results []audit.Result) string {
	var names []string
	for _, r := range results {
		if w.reaches(r) && !slices.Contains(names, r.Environment.Name) {
			names = append(names, r.Environment.Name)
		}
	}
	return strings.Join(names, ", ")
}
