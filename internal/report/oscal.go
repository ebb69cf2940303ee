package report

import (
	"cmp"
	"io"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/oscal"
)

// writeOSCAL writes assessment results: a result for each environment and profile, a finding for each
// control, and an observation for each of dbaudit's findings and each control without findings.
func writeOSCAL(w io.Writer, set *resultSet, o Options) error {
	plan := oscal.Resource{
		UUID: oscal.ID("no assessment plan"), Title: "No assessment plan",
		Description: "dbaudit follows no assessment plan. It judges every control of the profile that each result names.",
	}
	a := oscalAssessment{Results: []oscalResult{}, BackMatter: oscal.BackMatter{Resources: []oscal.Resource{plan}}}
	a.ImportAP.Href = "#" + plan.UUID
	var latest time.Time
	sources := map[string]bool{}
	content := oscal.NewContentHash("assessment-results")
	for r := range set.all() { // for the members that precede the results
		if err := content.Add(r); err != nil {
			return err
		}
		if r.EvaluatedAt.After(latest) {
			latest = r.EvaluatedAt
		}
		source := oscal.Source(r.Profile.Source.Title, r.Profile.Source.URL)
		if !sources[source.UUID] {
			sources[source.UUID] = true
			a.BackMatter.Resources = append(a.BackMatter.Resources, source)
		}
	}
	a.UUID = content.ID()
	a.Metadata = oscal.NewMetadata("Results of dbaudit", oscal.Time(latest), latest)
	var ids oscal.IDs
	return writeResults(w, map[string]oscalAssessment{"assessment-results": a}, func(yield func(oscalResult) bool) {
		for r := range set.all() {
			if !yield(newOSCALResult(r, &ids, o)) {
				return
			}
		}
	})
}

// resultKey returns what identifies a result from scan to scan: the organization or the name of the
// file, and the profile.
func resultKey(r audit.Result) []string {
	return []string{cmp.Or(r.Environment.OrganizationID, r.Environment.Name), r.Profile.Name}
}

// An oscalResultBuilder turns a result into a result of OSCAL.
type oscalResultBuilder struct {
	audit.Result

	ids         *oscal.IDs
	options     Options
	id          string
	environment oscalSubject
	origins     []oscalOrigin
	collected   string
	subjects    map[audit.Subject]oscalSubject
	result      *oscalResult
}

func newOSCALResult(r audit.Result, ids *oscal.IDs, o Options) oscalResult {
	id := ids.Unique(append([]string{"result", r.Snapshot.Digest, oscal.Time(r.EvaluatedAt)}, resultKey(r)...)...)
	ids = &oscal.IDs{} // the ids within the result, which contain the id of the result
	tool := oscalComponent{
		UUID: ids.Unique(id, "tool"), Type: "software", Title: r.Tool.Name, Description: "The program that read and judged.",
		Props: oscal.Properties("version", r.Tool.Version), Status: oscalState{State: "operational"},
	}
	environment := oscalComponent{
		UUID: ids.Unique(id, r.Kind()), Type: "service", Title: r.Environment.Name, Description: "The " + r.Kind() + " that was judged.",
		Props:  oscal.Properties("url", r.Environment.URL, "organization-id", r.Environment.OrganizationID),
		Status: oscalState{State: "operational"},
	}
	if r.Unread != nil {
		environment.Status = oscalState{State: "other", Remarks: "It could not be read."}
	}
	collected := oscal.Time(cmp.Or(r.Snapshot.TakenAt, r.EvaluatedAt))
	result := oscalResult{
		UUID: id, Title: joinNonBlank(", ", r.Environment.Name, r.Profile.Name), Description: headline(r),
		Start: collected, End: oscal.Time(r.EvaluatedAt),
		Props: oscal.Properties("verdict", r.Verdict.String(), "snapshot", r.Snapshot.Digest, "profile", r.Profile.Name,
			"profile-version", r.Profile.Version, "profile-origin", r.Profile.Origin, "profile-digest", r.Profile.Digest),
		Links:   oscal.Links(r.Profile.Source.URL, r.Profile.Source.Title),
		Remarks: strings.Join(r.Notes, "; "),
	}
	result.Local.Components = []oscalComponent{environment}
	result.Local.Assets.Components = []oscalComponent{tool}
	result.Local.Assets.Platforms = []oscalPlatform{{ids.Unique(id, "platform"), tool.Title, []oscalUses{{tool.UUID}}}}
	b := oscalResultBuilder{
		Result: r, ids: ids, options: o, id: id, collected: collected, result: &result,
		environment: oscalSubject{UUID: environment.UUID, Type: "component", Title: environment.Title},
		origins:     []oscalOrigin{{Actors: []oscalActor{{Type: "tool", UUID: tool.UUID}}}},
		subjects:    map[audit.Subject]oscalSubject{},
	}
	if r.Unread != nil {
		b.addObservation(oscalObservation{UUID: ids.Unique(id, "unread"), Description: unreadText(r), Subjects: []oscalSubject{b.environment}})
	}
	reviewed := oscalSelection{Description: "Every control of the profile " + r.Profile.Name}
	for _, c := range r.Controls {
		reviewed.Include = append(reviewed.Include, oscalSelected{ControlID: oscal.Token(string(c.ID))})
		b.addControl(c)
	}
	if len(r.Controls) == 0 {
		reviewed.Description, reviewed.All = "No control was judged.", &struct{}{}
	}
	result.Reviewed.Selections = []oscalSelection{reviewed}
	return result
}

func (r *oscalResultBuilder) addControl(c audit.Control) {
	control := string(c.ID)
	id := r.ids.Unique(r.id, "finding", control)
	finding := oscalFinding{
		UUID: id, Title: joinNonBlank(": ", control, c.Title), Description: outcomeWithReason(c),
		Props: oscal.Properties("outcome", c.Outcome.String(), "severity", c.Severity.String(), "rule", c.Rule,
			"citation", citationText(c.Citation), "original-outcome", originalOutcome(c)),
		Origins: r.origins,
		Target:  oscalTarget{Type: "statement-id", TargetID: oscal.StatementID(control), Title: c.Title, Status: newOSCALStatus(c)},
		Remarks: strings.Join(c.Remarks(), "; "),
	}
	if c.Outcome == audit.OutcomeNotApplicable {
		finding.Target.Implementation = &oscalState{State: "not-applicable"}
	}
	for _, f := range c.Findings {
		observation := r.ids.Unique(id, "observation", f.Fingerprint)
		finding.Related = append(finding.Related, oscalRelated{UUID: observation})
		r.addObservation(r.findingObservation(c, f, observation))
	}
	if len(c.Findings) == 0 {
		observation := r.ids.Unique(id, "observation")
		finding.Related = append(finding.Related, oscalRelated{UUID: observation})
		r.addObservation(oscalObservation{
			UUID: observation, Title: control, Description: outcomeWithReason(c),
			Types: []string{"control-objective"}, Subjects: []oscalSubject{r.environment},
		})
	}
	r.result.Findings = append(r.result.Findings, finding)
}

func (r *oscalResultBuilder) addObservation(o oscalObservation) {
	o.Methods, o.Origins, o.Collected = []string{"TEST"}, r.origins, r.collected
	r.result.Observations = append(r.result.Observations, o)
}

func (r *oscalResultBuilder) findingObservation(c audit.Control, f audit.Finding, id string) oscalObservation {
	evidence := oscalEvidence{Description: "What was read and compared in the snapshot."}
	for _, fact := range evidenceFacts(f.Evidence) {
		evidence.Props = append(evidence.Props, oscal.Properties(fact.Name, fact.Value)...)
	}
	evidence.Props = append(evidence.Props, oscal.Properties("location", locationText(cmp.Or(f.Location, c.Location)))...)
	w := cmp.Or(f.Waiver, &audit.Waiver{})
	return oscalObservation{
		UUID: id, Title: string(c.ID), Description: f.Message, Types: []string{"finding"},
		Props: oscal.Properties("fingerprint", f.Fingerprint, "baseline-state", string(f.Baseline),
			"waiver-kind", w.Kind, "waiver-owner", w.Owner, "waiver-expires", w.Expires, "waiver-reason", w.Reason),
		Subjects: []oscalSubject{r.subject(f.Subject)},
		Evidence: []oscalEvidence{evidence},
		Remarks:  advice(f, c, r.options),
	}
}

// subject returns a reference to the inventory item of a subject, and adds the item on first use.
func (r *oscalResultBuilder) subject(s audit.Subject) oscalSubject {
	if s.Kind == audit.SubjectEnvironment {
		return r.environment
	}
	if known, ok := r.subjects[s]; ok {
		return known
	}
	item := oscalItem{
		UUID: r.ids.Unique(r.id, "subject", s.Kind.String(), s.ID, s.Table, s.Name), Description: subjectText(s),
		Props: oscal.Properties("kind", s.Kind.String(), "id", s.ID, "name", s.Name, "table", s.Table),
	}
	r.result.Local.Inventory = append(r.result.Local.Inventory, item)
	r.subjects[s] = oscalSubject{UUID: item.UUID, Type: "inventory-item", Title: item.Description}
	return r.subjects[s]
}

// newOSCALStatus returns satisfied only for a control that passed, because OSCAL has no other word for
// an outcome that is unknown, not applicable or waived.
func newOSCALStatus(c audit.Control) oscalStatus {
	switch c.Outcome {
	case audit.OutcomePass:
		return oscalStatus{State: oscalSatisfied, Reason: "pass"}
	case audit.OutcomeFail:
		return oscalStatus{State: oscalNotSatisfied, Reason: "fail"}
	case audit.OutcomeUnknown, audit.OutcomeNotApplicable, audit.OutcomeWaived:
	}
	return oscalStatus{State: oscalNotSatisfied, Reason: "other", Remarks: outcomeWithReason(c)}
}

func outcomeWithReason(c audit.Control) string {
	return joinNonBlank(": ", outcomeText(c.Outcome), c.Reason)
}
