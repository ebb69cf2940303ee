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
