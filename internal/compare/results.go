package compare

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Results compares saved results. Environments are matched by organization and profile, files by
// name and profile; the last evaluated result of each counts.
func Results(older, newer []audit.Result) Diff {
	d := Diff{Format: Format, Of: "results"}
	olds, news := latest(older), latest(newer)
	for i := range news {
		d.Environments = append(d.Environments, compareResults(lastMatching(olds, news[i]), &news[i]))
	}
	for i := range olds {
		if lastMatching(news, olds[i]) == nil {
			d.Environments = append(d.Environments, compareResults(&olds[i], nil))
		}
	}
	d.setSame()
	return d
}

// lastMatching is the last result that is of the same environment, or nil.
func lastMatching(all []audit.Result, r audit.Result) *audit.Result {
	for i := range slices.Backward(all) {
		if sameEnvironment(all[i], r) {
			return &all[i]
		}
	}
	return nil
}

func latest(all []audit.Result) []audit.Result {
	var out []audit.Result
	for _, r := range all {
		if known := lastMatching(out, r); known == nil {
			out = append(out, r)
		} else if !r.EvaluatedAt.Before(known.EvaluatedAt) {
			*known = r
		}
	}
	return out
}

// sameEnvironment reports whether two results are of one environment or one file. An environment that
// could not be read has no organization, and is matched by its address.
func sameEnvironment(a, b audit.Result) bool {
	if !a.IsFile() && (a.Unread != nil || b.Unread != nil) {
		return a.Profile.Name == b.Profile.Name && strings.EqualFold(a.Environment.URL, b.Environment.URL)
	}
	return Comparable(a, b) && (a.Environment.OrganizationID != "" || a.Environment.Name == b.Environment.Name)
}

// newSide identifies a result; nil stays nil.
func newSide(r *audit.Result) *Side {
	if r == nil {
		return nil
	}
	return &Side{Digest: r.Snapshot.Digest, TakenAt: r.Snapshot.TakenAt, Verdict: &r.Verdict}
}

// compareResults compares two results of one environment; either may be nil, not both.
func compareResults(was, now *audit.Result) Environment {
	named := cmp.Or(now, was)
	e := Environment{
		Name: named.Environment.Name, OrganizationID: named.Environment.OrganizationID, Profile: named.Profile.Name,
		Old: newSide(was), New: newSide(now),
	}
	lacks := func(what, why string) { e.Incomparable = append(e.Incomparable, Incomparable{What: what, Why: why}) }
	switch {
	case was == nil:
		lacks("environment "+e.Name, "it has no older result for this profile")
	case now == nil:
		lacks("environment "+e.Name, "it has no newer result for this profile")
	case was.Unread != nil && now.Unread != nil:
		lacks(now.Kind()+" "+e.Name, "it could not be read for either result: "+now.Unread.Message)
		e.Incomparable[0].BothSides = true
	case was.Unread != nil:
		lacks(was.Kind()+" "+e.Name, "it could not be read for the older result: "+was.Unread.Message)
	case now.Unread != nil:
		lacks(now.Kind()+" "+e.Name, "it could not be read for the newer result: "+now.Unread.Message)
	case now.Profile.Differs(was.Profile):
		e.Notes = append(e.Notes, fmt.Sprintf("the older result was judged by a different profile %s (%s) than the newer (%s): a difference may be caused by changed requirements",
			now.Profile.Name, was.Profile.Edition(), now.Profile.Edition()))
	case now.RequirementsDiffer(*was):
		e.Notes = append(e.Notes, "the configuration changed what is required (depth: or allow:), or another user or role is judged: a difference may be caused by that")
	}
	both := len(e.Incomparable) == 0
	older, newer := *cmp.Or(was, &audit.Result{}), *cmp.Or(now, &audit.Result{})
	for _, c := range newer.Controls {
		old := controlByID(older, c.ID)
		if old.ID != "" && old.Outcome != c.Outcome {
			e.Outcomes = append(e.Outcomes, Outcome{Control: c.ID, Title: c.Title, From: old.Outcome, To: c.Outcome})
		}
		e.Findings = append(e.Findings, compareFindings(older, newer, c.ID)...)
		if old.ID == "" && both {
			lacks("control "+string(c.ID), "the older result does not have it")
		}
	}
	for _, c := range older.Controls {
		if controlByID(newer, c.ID).ID != "" {
			continue
		}
		e.Findings = append(e.Findings, compareFindings(older, newer, c.ID)...)
		if both {
			lacks("control "+string(c.ID), "the newer result does not have it")
		}
	}
	return e
}

// find is the first element that fits.
func find[T any](list []T, is func(T) bool) (T, bool) {
	for _, element := range list {
		if is(element) {
			return element, true
		}
	}
	var none T
	return none, false
}

// controlByID is the control of an id; zero if the result does not have it.
func controlByID(r audit.Result, id audit.ControlID) audit.Control {
	c, _ := find(r.Controls, func(c audit.Control) bool { return c.ID == id })
	return c
}

func findingByFingerprint(c audit.Control, fingerprint string) (audit.Finding, bool) {
	return find(c.Findings, func(f audit.Finding) bool { return f.Fingerprint == fingerprint })
}

// compareFindings are those of a control in the newer result, then those of the older alone.
func compareFindings(older, newer audit.Result, id audit.ControlID) []Finding {
	was, now := controlByID(older, id), controlByID(newer, id)
	var out []Finding
	for _, f := range now.Findings {
		d := newFinding(now, f, StateNew)
		if earlier, found := findingByFingerprint(was, f.Fingerprint); found {
			d.State = StateUnchanged
			// A later dbaudit may word the same fault otherwise: the evidence counts.
			if !reflect.DeepEqual(earlier.Evidence, f.Evidence) {
				d.Was = earlier.Message
			}
		} else if why := unjudgedReason(was); why != "" {
			d.State, d.Why = StateIncomparable, "the older result "+why
		}
		out = append(out, d)
	}
	for _, f := range was.Findings {
		if _, found := findingByFingerprint(now, f.Fingerprint); found {
			continue
		}
		d, why := newFinding(was, f, StateFixed), unjudgedReason(now)
		if why == "" && newer.HasReplaced(f.Subject, older) {
			why = "judges another " + f.Subject.Kind.String()
		}
		if why != "" {
			d.State, d.Why = StateIncomparable, "the newer result "+why
		}
		out = append(out, d)
	}
	return out
}

func newFinding(c audit.Control, f audit.Finding, state State) Finding {
	return Finding{State: state, Control: c.ID, Severity: c.Severity, Fingerprint: f.Fingerprint, Subject: f.Subject, Message: f.Message}
}

// unjudgedReason says why the absence of a finding in a control proves nothing; empty
// if it does.
func unjudgedReason(c audit.Control) string {
	switch {
	case c.ID == "":
		return "does not have the control"
	case c.Outcome == audit.OutcomeUnknown:
		return "could not evaluate the control"
	case c.Outcome == audit.OutcomeNotApplicable:
		return "did not apply the control"
	case len(c.Unjudged) > 0:
		return "could not evaluate the control in full"
	}
	return ""
}
