package waiver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Options control how waivers are applied.
type Options struct {
	AsOf time.Time // the time to which expiry dates are compared
	// Environments are the names of the environments in the configuration. If there are
	// several, a waiver without an environment is broader than its finding.
	Environments []string
	// Shared has the controls that several integrations of an environment have, by the name
	// of the environment, or "" for any. A waiver of such a control without a profile is
	// broader than its finding.
	Shared  map[string]map[audit.ControlID]bool
	Partial bool // whether the file also has waivers for other results
}

// siblings says where else the same finding may appear, so that a waiver must name its own place.
type siblings struct {
	environments bool // in other environments
	profiles     bool // under other profiles of the same environment
}

// siblings returns the siblings of a control of a result.
func (o Options) siblings(r audit.Result, id audit.ControlID) siblings {
	return siblings{len(o.Environments) > 1, o.Shared[r.Environment.Name][id] || o.Shared[""][id]}
}

// A RemarkKind is the kind of a remark about a waiver.
type RemarkKind string

// The kinds of remark.
const (
	Expired  RemarkKind = "expired"
	Expiring RemarkKind = "expiring" // within warnDays
	Unused   RemarkKind = "unused"
	Refused  RemarkKind = "refused" // broader than its finding, but without broad: true
)

// A Remark tells the owner of a waiver what to do.
type Remark struct {
	Kind   RemarkKind
	Waiver Waiver
	Text   string // what is wrong and what to do, without the position in the file
}

// Apply returns copies of the results with the waivers applied, and remarks about the waivers. Each
// remark is also a note of the results that it is about.
func (f *File) Apply(results []audit.Result, o Options) ([]audit.Result, []Remark) {
	usages := make([]usage, len(f.Waivers))
	out := make([]audit.Result, len(results))
	for i, r := range results {
		out[i] = f.apply(r, o, usages)
	}
	var remarks []Remark
	for i, w := range f.Waivers {
		kind, message := o.remark(w, usages[i])
		if kind == "" {
			continue
		}
		text := fmt.Sprintf("the waiver of %s %s", &w, message)
		remarks = append(remarks, Remark{kind, w, text})
		for j := range out {
			if w.appliesTo(out[j]) {
				out[j].Notes = append(out[j].Notes, fmt.Sprintf("%s:%d: %s", f.Name, w.Line, text))
			}
		}
	}
	return out, remarks
}

// A usage records how one waiver was used.
type usage struct {
	environments []string // of the results that it applies to
	judged       bool     // whether one of these results was judged
	hasControl   bool     // whether one of them has the control
	unjudged     bool     // whether one of them has the control, and did not judge it
	covered      int      // number of findings that it covers, even if it is not valid
	missing      []string // keys that the waiver lacks to be as narrow as the first such finding
}

func (w *Waiver) appliesTo(r audit.Result) bool {
	return (w.Environment == "" || w.Environment == r.Environment.Name) && (w.Profile == "" || w.Profile == r.Profile.Name)
}

// apply applies the waivers to a copy of a result, and records their usage.
func (f *File) apply(r audit.Result, o Options, usages []usage) audit.Result {
	r = r.Clone()
	for i := range f.Waivers {
		w, u := &f.Waivers[i], &usages[i]
		if !w.appliesTo(r) {
			continue
		}
		if !slices.Contains(u.environments, r.Environment.Name) {
			u.environments = append(u.environments, r.Environment.Name)
		}
		u.judged = u.judged || r.Unread == nil
		for j := range r.Controls {
			if c := &r.Controls[j]; c.ID == w.Control {
				w.acceptFindings(c, o.AsOf, o.siblings(r, c.ID), u)
			}
		}
	}
	for i := range r.Controls {
		waiveIfAccepted(&r.Controls[i])
	}
	r.SetVerdict()
	return r
}

// acceptFindings marks the findings of a control that the waiver covers, if the waiver is valid.
func (w *Waiver) acceptFindings(c *audit.Control, asOf time.Time, s siblings, u *usage) {
	u.hasControl = true
	u.unjudged = u.unjudged || c.Outcome == audit.OutcomeUnknown || c.Outcome == audit.OutcomeNotApplicable
	if c.Outcome != audit.OutcomeFail {
		return
	}
	days, _ := w.daysLeft(asOf) // Parse checked the date
	for i := range c.Findings {
		f := &c.Findings[i]
		if !w.covers(*f) {
			continue
		}
		u.covered++
		if missing := w.missingKeys(*f, s); len(missing) > 0 && !w.Broad {
			if u.missing == nil {
				u.missing = missing
			}
		} else if days >= 0 && f.Waiver == nil {
			f.Waiver = &audit.Waiver{Kind: string(w.Kind), Owner: w.Owner, Reason: w.Reason, Expires: w.Expires}
		}
	}
}

// waiveIfAccepted waives a failed control if all its findings are accepted.
func waiveIfAccepted(c *audit.Control) {
	open := slices.ContainsFunc(c.Findings, func(f audit.Finding) bool { return f.Waiver == nil })
	if c.Outcome != audit.OutcomeFail || len(c.Findings) == 0 || open {
		return
	}
	original := c.Outcome
	c.Original, c.Outcome = &original, audit.OutcomeWaived
	if len(c.Unjudged) > 0 {
		// Findings can be accepted, but not data that was not read.
		c.Outcome, c.Reason = audit.OutcomeUnknown, strings.Join(c.Unjudged, "; ")
	}
}

// Strip returns a copy of a result as it was before waivers were applied.
func Strip(r audit.Result) audit.Result {
	r = r.Clone()
	for i := range r.Controls {
		c := &r.Controls[i]
		if c.Original != nil {
			if c.Outcome == audit.OutcomeUnknown {
				c.Reason = ""
			}
			c.Outcome, c.Original = *c.Original, nil
		}
		for j := range c.Findings {
			c.Findings[j].Waiver = nil
		}
	}
	r.SetVerdict()
	return r
}

// remark returns what is wrong with a waiver, given its usage. The kind is empty if nothing is.
func (o Options) remark(w Waiver, u usage) (kind RemarkKind, message string) {
	days, _ := w.daysLeft(o.AsOf)
	switch {
	case days < 0 && u.covered > 0:
		return Expired, fmt.Sprintf("expired on %s and no longer counts: fix the finding, or accept it again", w.Expires)
	case days < 0:
		return Expired, fmt.Sprintf("expired on %s: remove it", w.Expires)
	case len(u.missing) > 0:
		return Refused, fmt.Sprintf("is broader than the finding and does not count: add %s, or set broad: true", strings.Join(u.missing, ", "))
	case u.covered == 0 && w.Environment != "" && len(o.Environments) > 0 && !slices.Contains(o.Environments, w.Environment):
		return Unused, "covers nothing: the configuration has no such environment, but " + strings.Join(o.Environments, ", ")
	case o.Partial && w.Environment == "" && u.covered == 0:
		return "", ""
	case u.judged && !u.hasControl:
		return Unused, "covers nothing: the profile has no such control"
	case u.judged && u.covered == 0 && !u.unjudged:
		return Unused, fmt.Sprintf("covers no finding of %s: remove it", strings.Join(u.environments, ", "))
	case days <= warnDays:
		return Expiring, fmt.Sprintf("by %s ends on %s: fix the finding before then, or accept it again", w.Owner, w.Expires)
	}
	return "", ""
}

// Narrow returns a waiver for each open finding of the results that w covers. Each covers only its
// finding: it names the environment or the profile if there are several.
func (w *Waiver) Narrow(results []audit.Result, o Options) []Waiver {
	var narrow []Waiver
	for _, r := range results {
		if !w.appliesTo(r) {
			continue
		}
		s := o.siblings(r, w.Control)
		for _, other := range results {
			same := other.Environment.Name == r.Environment.Name
			s.environments = s.environments || !same
			s.profiles = s.profiles || same && other.Profile.Name != r.Profile.Name
		}
		for _, c := range r.Controls {
			for _, f := range c.Findings {
				if c.ID != w.Control || f.Waiver != nil || !w.covers(f) {
					continue
				}
				n := *w
				n.Subject, n.Privilege = SubjectName(f.Subject), f.Evidence.Text("privilege")
				if s.environments {
					n.Environment = r.Environment.Name
				}
				if s.profiles {
					n.Profile = r.Profile.Name
				}
				if !slices.Contains(narrow, n) {
					narrow = append(narrow, n)
				}
			}
		}
	}
	return narrow
}
