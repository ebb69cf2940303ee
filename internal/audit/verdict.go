package audit

import "slices"

// Remarks returns the control's notes and the reasons why parts of it could not be judged.
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

// Clone returns a copy of the result. Its notes, controls and findings can be changed without
// changing the original.
func (r Result) Clone() Result {
	r.Notes, r.Controls = slices.Clone(r.Notes), slices.Clone(r.Controls)
	for i := range r.Controls {
		r.Controls[i].Findings = slices.Clone(r.Controls[i].Findings)
	}
	return r
}

// Summarize counts the controls by outcome, and their findings.
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

// RequirementsDiffer reports whether the requirements of a result are known to differ from those
// of an earlier one: it has another profile, user or role, or the configuration requires other
// depths or allows other privileges. It ignores a privilege that only one of the results
// requires, because that depends on the environment.
func (r Result) RequirementsDiffer(earlier Result) bool {
	if r.Profile.Differs(earlier.Profile) {
		return true
	}
	if r.Integration == nil || earlier.Integration == nil {
		return false
	}
	if replaced(earlier.Integration.User, r.Integration.User) || replaced(earlier.Integration.Role, r.Integration.Role) ||
		!slices.Equal(r.Integration.Allowed, earlier.Integration.Allowed) {
		return true
	}
	for privilege, depth := range earlier.Integration.Required {
		if required, ok := r.Integration.Required[privilege]; ok && required != depth {
			return true
		}
	}
	return false
}

// HasReplaced reports whether the subject was the integration's user or role in an earlier
// result but is not in this one. If so, this result proves nothing about the subject.
func (r Result) HasReplaced(s Subject, earlier Result) bool {
	if r.Integration == nil || earlier.Integration == nil {
		return false
	}
	isSubject := func(old, current *Subject) bool {
		return replaced(old, current) && old.Kind == s.Kind && old.ID == s.ID
	}
	return isSubject(earlier.Integration.User, r.Integration.User) || isSubject(earlier.Integration.Role, r.Integration.Role)
}

func replaced(old, current *Subject) bool {
	return old != nil && current != nil && old.ID != current.ID
}

// WorstSeverity returns the highest severity among the failed controls, or SeverityInvalid if none
// failed.
func (r Result) WorstSeverity() Severity {
	worst := SeverityInvalid
	for _, c := range r.Controls {
		if c.Outcome == OutcomeFail && c.Severity > worst {
			worst = c.Severity
		}
	}
	return worst
}
