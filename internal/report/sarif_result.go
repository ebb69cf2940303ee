package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

type sarifControl struct {
	env              audit.Environment
	control          audit.Control
	index            int
	options          Options
	namesEnvironment bool // whether messages name the environment
}

func (p sarifControl) findingResult(f audit.Finding) sarifResult {
	physical, entry, origin := physicalLocation(cmp.Or(f.Location, p.control.Location))
	message := messageWithGap(f)
	if origin != "" {
		message += " [" + origin + "]"
	}
	fingerprint := cmp.Or(f.Fingerprint, audit.Fingerprint(p.control.ID, p.env.OrganizationID, f.Subject, f.Evidence.Text("privilege")))
	s := p.newResult("fail", endSentence(message)+" "+advice(f, p.control, p.options), physical, p.logicalLocation(f), fingerprint)
	s.Level, s.BaselineState, s.entry = termsOf(p.control.Severity).level, string(f.Baseline), entry
	if w := f.Waiver; w != nil {
		s.urgency = 0
		s.Suppressions = []sarifSuppression{{
			Kind: "external", Status: "accepted", Justification: breakLinks(w.Reason),
			Properties: map[string]string{"dbaudit/kind": w.Kind, "dbaudit/owner": w.Owner, "dbaudit/expires": w.Expires},
		}}
	}
	if len(f.Evidence) > 0 {
		facts := map[string]string{}
		for _, d := range evidenceFacts(f.Evidence) {
			facts[d.Name] = d.Value
		}
		s.Properties = map[string]any{"dbaudit/evidence": facts}
	}
	return s
}

// outcomeResult is a result without a finding: of kind open, notApplicable or pass, for which SARIF
// allows only the level none. An unknown control is as urgent as a failed one.
func (p sarifControl) outcomeResult(kind, what string) sarifResult {
	physical, _, _ := physicalLocation(p.control.Location)
	logical := sarifLogical{Name: p.env.Name, Kind: "namespace", FullyQualifiedName: qualifiedName(p.env.Name)}
	subject := audit.Subject{Kind: audit.SubjectEnvironment, ID: p.env.OrganizationID}
	message := endSentence(joinNonBlank(": ", p.control.Title+" - "+what, p.control.Reason))
	s := p.newResult(kind, message, physical, logical, audit.Fingerprint(p.control.ID, p.env.OrganizationID, subject, ""))
	if p.control.Outcome != audit.OutcomeUnknown {
		s.urgency = -1
	}
	return s
}

// newResult is what all results of the control have; the most severe are the most urgent.
func (p sarifControl) newResult(kind, message string, physical sarifPhysical, logical sarifLogical, fingerprint string) sarifResult {
	if p.namesEnvironment {
		message = p.env.Name + ": " + message
	}
	return sarifResult{
		RuleID: string(p.control.ID), RuleIndex: p.index, Kind: kind, Level: "none",
		Message:             sarifText{Text: breakLinks(message)},
		Locations:           []sarifLocation{{Physical: physical, Logical: []sarifLogical{logical}}},
		PartialFingerprints: map[string]string{fingerprintKey: fingerprint},
		urgency:             int(p.control.Severity),
	}
}

// logicalLocation is the Dataverse object: environment, business unit if the evidence names it, the
// object, and the privilege.
func (p sarifControl) logicalLocation(f audit.Finding) sarifLogical {
	name := cmp.Or(f.Subject.Name, f.Subject.ID)
	unit, privilege := visible(f.Evidence.Text("business_unit")), visible(f.Evidence.Text("privilege"))
	object := []string{f.Subject.Table, name}
	if f.Subject.Kind == audit.SubjectEnvironment {
		object = nil
	}
	steps := slices.Concat([]string{p.env.Name, unit}, object, []string{privilege})
	return sarifLogical{Name: cmp.Or(privilege, name, p.env.Name), Kind: "resource", FullyQualifiedName: qualifiedName(steps...)}
}

// qualifiedName joins names with slashes, and escapes the slashes in a name.
func qualifiedName(steps ...string) string {
	for i, s := range steps {
		steps[i] = strings.NewReplacer("%", "%25", "/", "%2F").Replace(s)
	}
	return joinNonBlank("/", steps...)
}

// endSentence ends s with a full stop.
func endSentence(s string) string {
	if s != "" && strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		return s
	}
	return s + "."
}
