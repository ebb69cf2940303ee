package compare

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Results compares saved results. It matches environments by organization and profile, and files by
// name and profile. Of several results of one environment, it compares the last evaluated.
func Results(older, newer []audit.Result) Diff {
	d := Diff{Format: Format, Of: "results"}
	olds, news := latest(older), latest(newer)
	for i := range news {
		d.Environments = append(d.Environments, compareResults(lastMatching(olds, &news[i]), &news[i]))
	}
	for i := range olds {
		if lastMatching(news, &olds[i]) == nil {
			d.Environments = append(d.Environments, compareResults(&olds[i], nil))
		}
	}
	d.setSame()
	return d
}

func lastMatching(all []audit.Result, r *audit.Result) *audit.Result {
	for i := range slices.Backward(all) {
		if sameEnvironment(&all[i], r) {
			return &all[i]
		}
	}
	return nil
}

func latest(all []audit.Result) []audit.Result {
	var out []audit.Result
	for _, r := range all {
		if known := lastMatching(out, &r); known == nil {
			out = append(out, r)
		} else if !r.EvaluatedAt.Before(known.EvaluatedAt) {
			*known = r
		}
	}
	return out
}

// sameEnvironment reports whether two results are of the same environment or file. An environment
// that could not be read has no organization, and is matched by its address.
func sameEnvironment(a, b *audit.Result) bool {
	if !a.IsFile() && (a.Unread != nil || b.Unread != nil) {
		return a.Profile.Name == b.Profile.Name && strings.EqualFold(a.Environment.URL, b.Environment.URL)
	}
	return judgeSame(a, b) && (a.Environment.OrganizationID != "" || a.Environment.Name == b.Environment.Name)
}

func newSide(r *audit.Result) *Side {
	if r == nil {
		return nil
	}
	return &Side{Digest: r.Snapshot.Digest, TakenAt: r.Snapshot.TakenAt, Verdict: &r.Verdict}
}

// compareResults compares two results of an environment. One of them may be nil.
func compareResults(older, newer *audit.Result) Environment {
	named := cmp.Or(newer, older)
	e := Environment{
		Name: named.Environment.Name, OrganizationID: named.Environment.OrganizationID, Profile: named.Profile.Name,
		Old: newSide(older), New: newSide(newer),
	}
	switch {
	case older == nil:
		e.addIncomparable("environment "+e.Name, "it has no older result for this profile", false)
	case newer == nil:
		e.addIncomparable("environment "+e.Name, "it has no newer result for this profile", false)
	case older.Unread != nil && newer.Unread != nil:
		e.addIncomparable(newer.Kind()+" "+e.Name, "it could not be read for either result: "+newer.Unread.Message, true)
	case older.Unread != nil:
		e.addIncomparable(older.Kind()+" "+e.Name, "it could not be read for the older result: "+older.Unread.Message, false)
	case newer.Unread != nil:
		e.addIncomparable(newer.Kind()+" "+e.Name, "it could not be read for the newer result: "+newer.Unread.Message, false)
	case newer.Profile.Differs(older.Profile):
		e.Notes = append(e.Notes, fmt.Sprintf("the older result was judged by a different profile %s (%s) than the newer (%s): a difference may be caused by changed requirements",
			newer.Profile.Name, older.Profile.Edition(), newer.Profile.Edition()))
	case newer.RequirementsDiffer(*older):
		e.Notes = append(e.Notes, "the configuration changed what is required (depth: or allow:), or another user or role is judged: a difference may be caused by that")
	}
	e.compareControls(*cmp.Or(older, &audit.Result{}), *cmp.Or(newer, &audit.Result{}))
	return e
}

func (e *Environment) addIncomparable(what, why string, bothSides bool) {
	e.Incomparable = append(e.Incomparable, Incomparable{what, why, bothSides})
}

// compareControls adds the differences of the controls. A control that only one result has is
// incomparable, unless the whole environment is.
func (e *Environment) compareControls(older, newer audit.Result) {
	isComparable := len(e.Incomparable) == 0
	isReplaced := func(s audit.Subject) bool { return newer.HasReplaced(s, older) }
	for _, c := range newer.Controls {
		old := controlByID(older, c.ID)
		e.compareFindings(old, c, isReplaced)
		switch {
		case old.ID == "" && isComparable:
			e.addIncomparable("control "+string(c.ID), "the older result does not have it", false)
		case old.ID != "" && old.Outcome != c.Outcome:
			e.Outcomes = append(e.Outcomes, Outcome{Control: c.ID, Title: c.Title, From: old.Outcome, To: c.Outcome})
		}
	}
	for _, c := range older.Controls {
		if controlByID(newer, c.ID).ID != "" {
			continue
		}
		e.compareFindings(c, audit.Control{}, isReplaced)
		if isComparable {
			e.addIncomparable("control "+string(c.ID), "the newer result does not have it", false)
		}
	}
}

func find[T any](list []T, matches func(T) bool) (T, bool) {
	if i := slices.IndexFunc(list, matches); i >= 0 {
		return list[i], true
	}
	var zero T
	return zero, false
}

// controlByID returns the control with an id; zero if the result does not have it.
func controlByID(r audit.Result, id audit.ControlID) audit.Control {
	c, _ := find(r.Controls, func(c audit.Control) bool { return c.ID == id })
	return c
}

func findingByFingerprint(c audit.Control, fingerprint string) (audit.Finding, bool) {
	return find(c.Findings, func(f audit.Finding) bool { return f.Fingerprint == fingerprint })
}

// compareFindings adds the findings of a control in the newer result, then those that only the older
// has. The control of a result that does not have it is zero.
func (e *Environment) compareFindings(older, newer audit.Control, isReplaced func(audit.Subject) bool) {
	for _, f := range newer.Findings {
		d := newFinding(newer, f, StateNew)
		if earlier, found := findingByFingerprint(older, f.Fingerprint); found {
			d.State = StateUnchanged
			// A later version of dbaudit may change the message, so the evidence is compared.
			if !reflect.DeepEqual(earlier.Evidence, f.Evidence) {
				d.Was = earlier.Message
			}
		} else if why := unjudgedReason(older); why != "" {
			d.State, d.Why = StateIncomparable, "the older result "+why
		}
		e.Findings = append(e.Findings, d)
	}
	for _, f := range older.Findings {
		if _, found := findingByFingerprint(newer, f.Fingerprint); found {
			continue
		}
		d, why := newFinding(older, f, StateFixed), unjudgedReason(newer)
		if why == "" && isReplaced(f.Subject) {
			why = "judges another " + f.Subject.Kind.String()
		}
		if why != "" {
			d.State, d.Why = StateIncomparable, "the newer result "+why
		}
		e.Findings = append(e.Findings, d)
	}
}

func newFinding(c audit.Control, f audit.Finding, state State) Finding {
	return Finding{State: state, Control: c.ID, Severity: c.Severity, Fingerprint: f.Fingerprint, Subject: f.Subject, Message: f.Message}
}

// unjudgedReason says why a control without a finding does not prove that the fault is absent; empty
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
