package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// assemble makes a result of a report. The controls have the order of the profile.
func (e *Engine) assemble(s *snapshot.Snapshot, p profile.Profile, r report, o Options) (audit.Result, error) {
	byControl := map[audit.ControlID][]audit.Finding{}
	for _, f := range r.Findings {
		byControl[f.Control] = append(byControl[f.Control], audit.Finding{
			Fingerprint: audit.Fingerprint(f.Control, s.Environment.OrganizationID, f.Subject, f.Evidence.Text("privilege")),
			Message:     f.Message,
			Subject:     f.Subject,
			Evidence:    f.Evidence,
			Fix:         f.Fix,
		})
	}
	result := audit.Result{
		Format: audit.ResultFormat,
		Tool:   o.Tool,
		Environment: audit.Environment{
			Name: s.Environment.Name, URL: s.Environment.URL, OrganizationID: s.Environment.OrganizationID,
			OrganizationName: s.Organization.Name,
		},
		Profile:     p.Identity(),
		Snapshot:    audit.Snapshot{Digest: s.Digest, TakenAt: s.TakenAt},
		EvaluatedAt: o.AsOf.UTC(),
		Integration: &r.Integration,
		Notes:       slices.Concat(r.Notes, e.relaxations(s, p)),
	}
	controls := e.controls(s, p)
	result.Controls = make([]audit.Control, 0, len(controls))
	for _, c := range controls {
		rule, ok := e.rules[c.Rule]
		if !ok {
			return audit.Result{}, fmt.Errorf("the profile's control %s names the rule %q, which the policies do not contain: %s",
				c.ID, c.Rule, e.ruleNames())
		}
		if err := checkFixes(rule, byControl[c.ID]); err != nil {
			return audit.Result{}, err
		}
		result.Controls = append(result.Controls, judgeControl(c, rule, r, byControl[c.ID]))
		delete(byControl, c.ID)
	}
	for id := range byControl {
		return audit.Result{}, fmt.Errorf("a policy reports findings for the control %q, which the profile does not have", id)
	}
	result.SetVerdict()
	return result, nil
}

// checkFixes returns an error if a finding proposes a fix that does not exist, or that the rule's
// METADATA does not name.
func checkFixes(rule audit.Rule, findings []audit.Finding) error {
	for _, f := range findings {
		if f.Fix == nil || slices.Contains(rule.Fixes, f.Fix.Kind) {
			continue
		}
		if err := change.ValidateKind(f.Fix.Kind); err != nil {
			return fmt.Errorf("a finding of the rule %s: %w", rule.ID, err)
		}
		if rule.Fixes != nil {
			return fmt.Errorf("the rule %s proposes the fix %s, which custom.fixes of its METADATA does not name: add it there", rule.ID, f.Fix.Kind)
		}
	}
	return nil
}

func judgeControl(c profile.Control, rule audit.Rule, r report, findings []audit.Finding) audit.Control {
	control := audit.Control{
		ID: c.ID, Rule: c.Rule, Title: c.Title, Severity: c.Severity, Why: c.Why, Citation: c.Citation,
		Findings: []audit.Finding{},
	}
	if control.Severity == audit.SeverityInvalid {
		control.Severity = rule.Severity
	}
	if reasons := r.NotApplicable[c.Rule]; len(reasons) > 0 {
		control.Outcome, control.Reason = audit.OutcomeNotApplicable, strings.Join(reasons, "; ")
		return control
	}
	control.Notes = r.RuleNotes[c.Rule]
	unknown := slices.Concat(r.Unknown[c.Rule], r.UnknownControls[c.ID])
	switch {
	case len(findings) > 0:
		sortFindings(findings, c)
		control.Outcome, control.Findings = audit.OutcomeFail, findings
		control.Unjudged = unknown
	case len(unknown) > 0:
		control.Outcome, control.Reason = audit.OutcomeUnknown, strings.Join(unknown, "; ")
	default:
		control.Outcome = audit.OutcomePass
	}
	return control
}

// sortFindings sorts findings in the order of the control's privileges, then by subject and
// message, so that equal input gives equal bytes.
func sortFindings(findings []audit.Finding, c profile.Control) {
	slices.SortFunc(findings, func(a, b audit.Finding) int {
		pa, pb := a.Evidence.Text("privilege"), b.Evidence.Text("privilege")
		return cmp.Or(
			cmp.Compare(slices.Index(c.Privileges, pa), slices.Index(c.Privileges, pb)),
			cmp.Compare(a.Subject.Table, b.Subject.Table),
			cmp.Compare(a.Subject.Name, b.Subject.Name),
			cmp.Compare(a.Subject.ID, b.Subject.ID),
			cmp.Compare(pa, pb),
			cmp.Compare(a.Message, b.Message),
		)
	})
}
