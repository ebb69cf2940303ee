package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Fingerprint is the stable identity of a finding: a hash of the control, the organization,
// the subject's kind and id (table and name for a required view) and the privilege. It does
// not depend on URL, environment name, position and message.
func Fingerprint(id ControlID, organizationID string, s Subject, privilege string) string {
	object := strings.ToLower(s.ID)
	if s.Kind == SubjectRequiredView {
		object = strings.ToLower(s.Table) + "\x1f" + strings.ToLower(s.Name)
	}
	parts := []string{
		"dbaudit/v1", string(id), strings.ToLower(organizationID), s.Kind.String(), object, strings.ToLower(privilege),
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Remarks are the control's notes and the reasons why parts of it could not be judged.
func (c Control) Remarks() []string {
	remarks := slices.Clone(c.Notes)
	for _, reason := range c.Unjudged {
		remarks = append(remarks, "not all could be judged: "+reason)
	}
	return remarks
}

// SetVerdict sets the summary and the verdict that follow from the controls.
func (r *Result) SetVerdict() {
	r.Summary = Summarize(r.Controls)
	r.Verdict = r.Summary.Verdict()
}

// Clone copies a result so far that its notes, controls and findings can be changed.
func (r Result) Clone() Result {
	r.Notes, r.Controls = slices.Clone(r.Notes), slices.Clone(r.Controls)
	for i := range r.Controls {
		r.Controls[i].Findings = slices.Clone(r.Controls[i].Findings)
	}
	return r
}

// Summarize counts the controls.
func Summarize(controls []Control) Summary {
	var s Summary
	for _, c := range controls {
		s.Findings += len(c.Findings)
		switch c.Outcome {
		case OutcomePass:
			s.Pass++
		case OutcomeFail:
			s.Fail++
		case OutcomeNotApplicable:
			s.NotApplicable++
		case OutcomeWaived:
			s.Waived++
		case OutcomeUnknown:
			s.Unknown++
		}
	}
	judged := s.Pass + s.Fail + s.Waived
	if applicable := judged + s.Unknown; applicable > 0 {
		s.Coverage = float64(judged) / float64(applicable)
	}
	return s
}

// Verdict returns the verdict that follows from the counts: noncompliant if a control failed,
// else incomplete if one is unknown or nothing was judged.
func (s Summary) Verdict() Verdict {
	switch {
	case s.Fail > 0:
		return VerdictNoncompliant
	case s.Unknown > 0 || s.Pass+s.Waived == 0:
		return VerdictIncomplete
	}
	return VerdictCompliant
}

// ViewsUnchecked is the note that views were not judged. The policies write it.
const ViewsUnchecked = "views not checked: none is configured"

// SkipsViews reports whether no view was checked, because none is configured.
func (r Result) SkipsViews() bool { return slices.Contains(r.Notes, ViewsUnchecked) }

// RequirementsDiffer reports whether a result is known to require something else than an earlier
// one: by another profile, of another user or role, or because the configuration lowers other
// depths or allows other privileges. What only one of them requires depends on the environment.
func (r Result) RequirementsDiffer(was Result) bool {
	if r.Profile.Differs(was.Profile) {
		return true
	}
	if r.Integration == nil || was.Integration == nil {
		return false
	}
	if replaced(was.Integration.User, r.Integration.User) || replaced(was.Integration.Role, r.Integration.Role) ||
		!slices.Equal(r.Integration.Allowed, was.Integration.Allowed) {
		return true
	}
	for privilege, depth := range was.Integration.Required {
		if now, both := r.Integration.Required[privilege]; both && now != depth {
			return true
		}
	}
	return false
}

// HasReplaced reports whether a subject was the integration's user or role in an earlier
// result, and is not in this one. Then this result proves nothing about the subject.
func (r Result) HasReplaced(s Subject, was Result) bool {
	if r.Integration == nil || was.Integration == nil {
		return false
	}
	gone := func(old, now *Subject) bool { return replaced(old, now) && old.Kind == s.Kind && old.ID == s.ID }
	return gone(was.Integration.User, r.Integration.User) || gone(was.Integration.Role, r.Integration.Role)
}

func replaced(old, now *Subject) bool { return old != nil && now != nil && old.ID != now.ID }

// WorstSeverity is the highest severity among the failed controls, or SeverityInvalid
// where none failed.
func (r Result) WorstSeverity() Severity {
	worst := SeverityInvalid
	for _, c := range r.Controls {
		if c.Outcome == OutcomeFail && c.Severity > worst {
			worst = c.Severity
		}
	}
	return worst
}
