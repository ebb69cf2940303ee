package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// A sarifControl makes the SARIF results of a control.
type sarifControl struct {
	env              audit.Environment
	control          audit.Control
	index            int // of the rule in the run
	options          Options
	namesEnvironment bool // whether messages name the environment
}

func (sc sarifControl) findingResult(f audit.Finding) sarifResult {
	physical, entry, origin := physicalLocation(cmp.Or(f.Location, sc.control.Location))
	message := messageWithGap(f)
	if origin != "" {
		message += " [" + origin + "]"
	}
	fingerprint := cmp.Or(f.Fingerprint, audit.Fingerprint(sc.control.ID, sc.env.OrganizationID, f.Subject, f.Evidence.Text("privilege")))
	s := sc.newResult("fail", endSentence(message)+" "+advice(f, sc.control, sc.options), physical, sc.logicalLocation(f), fingerprint)
	s.Level, s.BaselineState, s.entry = termsOf(sc.control.Severity).level, string(f.Baseline), entry
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

// outcomeResult returns a result without a finding, of kind open, notApplicable or pass. SARIF allows
// only the level none for these kinds. An unknown control is as urgent as a failed one.
func (sc sarifControl) outcomeResult(kind, outcome string) sarifResult {
	physical, _, _ := physicalLocation(sc.control.Location)
	logical := sarifLogical{Name: sc.env.Name, Kind: "namespace", FullyQualifiedName: qualifiedName(sc.env.Name)}
	subject := audit.Subject{Kind: audit.SubjectEnvironment, ID: sc.env.OrganizationID}
	message := endSentence(joinNonBlank(": ", sc.control.Title+" - "+outcome, sc.control.Reason))
	s := sc.newResult(kind, message, physical, logical, audit.Fingerprint(sc.control.ID, sc.env.OrganizationID, subject, ""))
	if sc.control.Outcome != audit.OutcomeUnknown {
		s.urgency = -1
	}
	return s
}

// newResult returns a result with what all results of the control share. The most severe results are
// the most urgent.
func (sc sarifControl) newResult(kind, message string, physical sarifPhysical, logical sarifLogical, fingerprint string) sarifResult {
	if sc.namesEnvironment {
		message = sc.env.Name + ": " + message
	}
	return sarifResult{
		RuleID: string(sc.control.ID), RuleIndex: sc.index, Kind: kind, Level: "none",
		Message:             sarifText{Text: breakLinks(message)},
		Locations:           []sarifLocation{{Physical: physical, Logical: []sarifLogical{logical}}},
		PartialFingerprints: map[string]string{fingerprintKey: fingerprint},
		urgency:             int(sc.control.Severity),
	}
}

// logicalLocation returns the Dataverse object of a finding: the environment, the business unit if the
// evidence names it, the object, and the privilege.
func (sc sarifControl) logicalLocation(f audit.Finding) sarifLogical {
	name := cmp.Or(f.Subject.Name, f.Subject.ID)
	unit, privilege := text.Line(f.Evidence.Text("business_unit")), text.Line(f.Evidence.Text("privilege"))
	object := []string{f.Subject.Table, name}
	if f.Subject.Kind == audit.SubjectEnvironment {
		object = nil
	}
	names := slices.Concat([]string{sc.env.Name, unit}, object, []string{privilege})
	return sarifLogical{Name: cmp.Or(privilege, name, sc.env.Name), Kind: "resource", FullyQualifiedName: qualifiedName(names...)}
}

// qualifiedName joins names with slashes, and escapes the slashes in each.
func qualifiedName(names ...string) string {
	for i, s := range names {
		names[i] = strings.NewReplacer("%", "%25", "/", "%2F").Replace(s)
	}
	return joinNonBlank("/", names...)
}
