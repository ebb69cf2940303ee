package compare

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Results compares saved results. Environments are matched by organization and
// profile, files by name and profile; of several results of one, the last evaluated
// stands for it.
func Results(older, newer []audit.Result) Diff {
	d := Diff{Format: Format, Of: "results"}
	olds, news := latest(older), latest(newer)
	for i := range news {
		var was *audit.Result
		for j := range olds {
			if same(news[i], olds[j]) {
				was = &olds[j]
			}
		}
		d.Environments = append(d.Environments, results(was, &news[i]))
	}
	for j := range olds {
		gone := true
		for i := range news {
			gone = gone && !same(news[i], olds[j])
		}
		if gone {
			d.Environments = append(d.Environments, results(&olds[j], nil))
		}
	}
	d.settle()
	return d
}

func latest(all []audit.Result) []audit.Result {
	var out []audit.Result
next:
	for _, r := range all {
		for i := range out {
			if same(out[i], r) {
				if !r.EvaluatedAt.Before(out[i].EvaluatedAt) {
					out[i] = r
				}
				continue next
			}
		}
		out = append(out, r)
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
// more generous: a role is known in whatever file it stands. An environment that could
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
	named := now
	if now == nil {
		named = was
	}
	e := Environment{
		Name: named.Environment.Name, OrganizationID: named.Environment.OrganizationID, Profile: named.Profile.Name,
		Old: side(was), New: side(now),
	}
	switch {
	case was == nil:
		e.Incomparable = append(e.Incomparable, Incomparable{What: "environment " + e.Name, Why: "there is no older result of it under this profile"})
	case now == nil:
		e.Incomparable = append(e.Incomparable, Incomparable{What: "environment " + e.Name, Why: "there is no newer result of it under this profile"})
	case was.Unread != nil && now.Unread != nil:
		e.Incomparable = append(e.Incomparable, Incomparable{What: kind(*now) + " " + e.Name, Why: "it could not be read for either result: " + now.Unread.Message, Known: true})
		was, now = nil, nil
	case was.Unread != nil:
		e.Incomparable = append(e.Incomparable, Incomparable{What: kind(*was) + " " + e.Name, Why: "it could not be read for the older result: " + was.Unread.Message})
		was = nil
	case now.Unread != nil:
		e.Incomparable = append(e.Incomparable, Incomparable{What: kind(*now) + " " + e.Name, Why: "it could not be read for the newer result: " + now.Unread.Message})
		now = nil
	}
	if was != nil && now != nil && now.Profile.Differs(was.Profile) {
		e.Notes = append(e.Notes, fmt.Sprintf("the older result was judged by another profile of the name %s (%s) than the newer (%s): a difference may come from what is asked for",
			now.Profile.Name, was.Profile.Edition(), now.Profile.Edition()))
	}
	before, after := controlsOf(was), controlsOf(now)
	for _, c := range listed(now) {
		old, ok := before[c.ID]
		if ok && old.Outcome != c.Outcome {
			e.Outcomes = append(e.Outcomes, Outcome{Control: c.ID, Title: c.Title, From: old.Outcome, To: c.Outcome})
		}
		e.Findings = append(e.Findings, present(c, old, ok)...)
		e.Findings = append(e.Findings, gone(old, c, true)...)
		if !ok && was != nil {
			e.Incomparable = append(e.Incomparable, Incomparable{What: "control " + string(c.ID), Why: "the older result does not have it"})
		}
	}
	for _, c := range listed(was) {
		if _, ok := after[c.ID]; ok {
			continue
		}
		e.Findings = append(e.Findings, gone(c, audit.Control{}, false)...)
		if now != nil {
			e.Incomparable = append(e.Incomparable, Incomparable{What: "control " + string(c.ID), Why: "the newer result does not have it"})
		}
	}
	return e
}

func listed(r *audit.Result) []audit.Control {
	if r == nil {
		return nil
	}
	return r.Controls
}

func controlsOf(r *audit.Result) map[audit.ControlID]audit.Control {
	controls := map[audit.ControlID]audit.Control{}
	for _, c := range listed(r) {
		controls[c.ID] = c
	}
	return controls
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
	for _, f := range c.Findings {
		if f.Fingerprint == fingerprint {
			return f, true
		}
	}
	return audit.Finding{}, false
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
