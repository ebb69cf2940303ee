package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Results compares saved results. Environments are matched by organization and
// profile, files by name and profile; of several results of one, the last evaluated
// counts.
func Results(older, newer []audit.Result) Diff {
	d := Diff{Format: Format, Of: "results"}
	olds, news := latest(older), latest(newer)
	for i := range news {
		var was *audit.Result
		if j := indexOf(olds, news[i]); j >= 0 {
			was = &olds[j]
		}
		d.Environments = append(d.Environments, results(was, &news[i]))
	}
	for i := range olds {
		if indexOf(news, olds[i]) < 0 {
			d.Environments = append(d.Environments, results(&olds[i], nil))
		}
	}
	d.settle()
	return d
}

// indexOf is the place of the last result that is of the same environment; -1 if there is
// none.
func indexOf(all []audit.Result, r audit.Result) int {
	for i := len(all) - 1; i >= 0; i-- {
		if same(all[i], r) {
			return i
		}
	}
	return -1
}

func latest(all []audit.Result) []audit.Result {
	var out []audit.Result
	for _, r := range all {
		i := indexOf(out, r)
		switch {
		case i < 0:
			out = append(out, r)
		case !r.EvaluatedAt.Before(out[i].EvaluatedAt):
			out[i] = r
		}
	}
	return out
}

// kind is what a result is of: an environment has an address, a file has none.
func kind(r audit.Result) string {
	if r.Environment.URL == "" {
		return "file"
	}
	return "environment"
}

// same reports whether two results are of one environment or one file. A baseline is
// more generous: a role is known whatever its file is called. An environment that could
// not be read never said which organization it is, so that it is known by its address.
func same(a, b audit.Result) bool {
	if a.Environment.URL != "" && (a.Unread != nil || b.Unread != nil) {
		return a.Profile.Name == b.Profile.Name && strings.EqualFold(a.Environment.URL, b.Environment.URL)
	}
	return Comparable(a, b) && (a.Environment.OrganizationID != "" || a.Environment.Name == b.Environment.Name)
}

// side identifies a result; nil stays nil.
func side(r *audit.Result) *Side {
	if r == nil {
		return nil
	}
	return &Side{Digest: r.Snapshot.Digest, TakenAt: r.Snapshot.TakenAt, Verdict: &r.Verdict}
}

// results compares two results of one environment; either may be nil, not both.
func results(was, now *audit.Result) Environment {
	named := cmp.Or(now, was)
	e := Environment{
		Name: named.Environment.Name, OrganizationID: named.Environment.OrganizationID, Profile: named.Profile.Name,
		Old: side(was), New: side(now),
	}
	lacks := func(what, why string) { e.Incomparable = append(e.Incomparable, Incomparable{What: what, Why: why}) }
	switch {
	case was == nil:
		lacks("environment "+e.Name, "there is no older result of it under this profile")
	case now == nil:
		lacks("environment "+e.Name, "there is no newer result of it under this profile")
	case was.Unread != nil && now.Unread != nil:
		lacks(kind(*now)+" "+e.Name, "it could not be read for either result: "+now.Unread.Message)
		e.Incomparable[0].Known = true
	case was.Unread != nil:
		lacks(kind(*was)+" "+e.Name, "it could not be read for the older result: "+was.Unread.Message)
	case now.Unread != nil:
		lacks(kind(*now)+" "+e.Name, "it could not be read for the newer result: "+now.Unread.Message)
	case now.Profile.Differs(was.Profile):
		e.Notes = append(e.Notes, fmt.Sprintf("the older result was judged by another profile of the name %s (%s) than the newer (%s): a difference may come from what is asked for",
			now.Profile.Name, was.Profile.Edition(), now.Profile.Edition()))
	}
	before, hasOld := controlsOf(was)
	after, hasNew := controlsOf(now)
	for _, c := range after {
		old, ok := controlIn(before, c.ID)
		if ok && old.Outcome != c.Outcome {
			e.Outcomes = append(e.Outcomes, Outcome{Control: c.ID, Title: c.Title, From: old.Outcome, To: c.Outcome})
		}
		e.Findings = append(e.Findings, present(c, old, ok)...)
		e.Findings = append(e.Findings, gone(old, c, true)...)
		if !ok && hasOld {
			lacks("control "+string(c.ID), "the older result does not have it")
		}
	}
	for _, c := range before {
		if _, ok := controlIn(after, c.ID); ok {
			continue
		}
		e.Findings = append(e.Findings, gone(c, audit.Control{}, false)...)
		if hasNew {
			lacks("control "+string(c.ID), "the newer result does not have it")
		}
	}
	return e
}

// controlsOf are the controls of a result that exists and was read.
func controlsOf(r *audit.Result) (controls []audit.Control, read bool) {
	if r == nil || r.Unread != nil {
		return nil, false
	}
	return r.Controls, true
}

func controlIn(controls []audit.Control, id audit.ControlID) (audit.Control, bool) {
	i := slices.IndexFunc(controls, func(c audit.Control) bool { return c.ID == id })
	if i < 0 {
		return audit.Control{}, false
	}
	return controls[i], true
}

// present are a control's findings of now against the control as it was.
func present(now, was audit.Control, held bool) []Finding {
	var out []Finding
	for _, f := range now.Findings {
		d := entry(now, f)
		earlier, found := find(was, f.Fingerprint)
		switch why := unjudged(was, held); {
		case found:
			d.State = StateUnchanged
			// A later dbaudit may word the same fault otherwise: the evidence counts.
			if !reflect.DeepEqual(plain(earlier.Evidence), plain(f.Evidence)) {
				d.Was = earlier.Message
			}
		case why != "":
			d.State, d.Why = StateIncomparable, "the older result "+why
		default:
			d.State = StateNew
		}
		out = append(out, d)
	}
	return out
}

// gone are the earlier findings of a control that no longer exist.
func gone(was, now audit.Control, held bool) []Finding {
	var out []Finding
	for _, f := range was.Findings {
		if _, found := find(now, f.Fingerprint); found {
			continue
		}
		d := entry(was, f)
		d.State = StateFixed
		if why := unjudged(now, held); why != "" {
			d.State, d.Why = StateIncomparable, "the newer result "+why
		}
		out = append(out, d)
	}
	return out
}

func entry(c audit.Control, f audit.Finding) Finding {
	return Finding{Control: c.ID, Severity: c.Severity, Fingerprint: f.Fingerprint, Subject: f.Subject, Message: f.Message}
}

// plain is evidence as a saved result holds it.
func plain(e audit.Evidence) any {
	var value any
	data, err := json.Marshal(e)
	if err == nil {
		err = json.Unmarshal(data, &value)
	}
	if err != nil {
		return e
	}
	return value
}

func find(c audit.Control, fingerprint string) (audit.Finding, bool) {
	i := slices.IndexFunc(c.Findings, func(f audit.Finding) bool { return f.Fingerprint == fingerprint })
	if i < 0 {
		return audit.Finding{}, false
	}
	return c.Findings[i], true
}

// unjudged says why the absence of a finding in a control proves nothing; empty
// where it does.
func unjudged(c audit.Control, held bool) string {
	switch {
	case !held:
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
