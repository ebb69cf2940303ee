package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// What viewers do with SARIF decides its form here:
//
//   - GitHub refuses a result without a physical location in the checkout, although
//     logical locations alone are valid SARIF. A finding in a live service is therefore
//     placed on the line of the configuration that states the requirement, and the
//     Dataverse object is added as a logical location.
//   - GitHub and Azure DevOps read level, not kind. What passed or does not apply is a
//     result only in a verbose document, and never for GitHub, which would show it as an
//     alert. Its outcome is in the properties of its rule instead.
//   - GitHub keeps the 5,000 most severe results of a run, and refuses a run of more than
//     25,000: long runs have the worst first, and are cut for GitHub, which the run and
//     standard error say.
//   - GitHub refuses a file of more than 20 runs, and leaves alerts of a run open if that
//     run is not uploaded again, such as that of a deleted file: for GitHub, all files that
//     were judged by one profile are one run, and so are all environments if there are more
//     than it accepts.
//   - GitHub keeps one run for a tool and category, and the category is
//     automationDetails.id up to its last slash: it names the environment.

const (
	sarifSchema  = "https://json.schemastore.org/sarif-2.1.0.json"
	sarifVersion = "2.1.0"
	// fingerprintKey has the version of the fingerprint's algorithm.
	fingerprintKey = "dbaudit/v1"
	homepage       = "https://github.com/dbaudit/dbaudit"
	// maxSARIFResults and runsTaken are GitHub's limits.
	maxSARIFResults = 5000
	maxSARIFRuns    = 20
)

func writeSARIF(w io.Writer, from *resultSet, o Options) error {
	if o.SARIFProfile == SARIFAzureDevOps {
		if err := o.AzureDevOps.Validate(); err != nil {
			return err
		}
	}
	return encodeJSON(w, sarifLog{Schema: sarifSchema, Version: sarifVersion, Runs: newSARIFRuns(from, o)})
}

// newSARIFRun is the run of a result, without its findings.
func newSARIFRun(r audit.Result, o Options, several bool) *sarifRun {
	s := &sarifRun{
		AutomationDetails: automationDetails(r, o, several),
		Invocations:       []sarifInvocation{{ExecutionSuccessful: true, StartTimeUTC: formatTimeOr(r.EvaluatedAt, "2006-01-02T15:04:05.000Z", "")}},
		ColumnKind:        "utf16CodeUnits",
		Results:           []sarifResult{},
		Properties: &sarifRunFacts{
			Environment: r.Environment, Profile: r.Profile.Name,
			Version: r.Profile.Version, Origin: r.Profile.Origin, Digest: r.Profile.Digest, Verdict: r.Verdict, Summary: r.Summary,
			Snapshot: r.Snapshot.Digest, SnapshotTime: formatTimestamp(r.Snapshot.TakenAt), Notes: r.Notes,
		},
	}
	s.Tool.Driver = sarifDriver{
		Name: r.Tool.Name, FullName: strings.TrimSpace(r.Tool.Name + " " + r.Tool.Version),
		Organization: "dbaudit", Version: r.Tool.Version, SemanticVersion: semanticVersion(r.Tool.Version),
		InformationURI: homepage, Rules: []sarifRule{},
	}
	return s
}

// add adds what a result found; in a run of several environments, each message names its own.
func (s *sarifRun) add(r audit.Result, o Options, named bool) {
	invocation := &s.Invocations[0]
	if r.Summary.Unknown > 0 || r.Verdict == audit.VerdictIncomplete {
		invocation.ExecutionSuccessful = false
	}
	if r.Unread != nil {
		invocation.Notifications = append(invocation.Notifications, unreadNotification(r))
	}
	for _, c := range r.Controls {
		at := sarifControl{env: r.Environment, control: c, index: s.rule(c, o), options: o, namesEnvironment: named}
		for _, f := range c.Findings {
			s.Results = append(s.Results, at.findingResult(f))
		}
		switch {
		case c.Outcome == audit.OutcomeUnknown:
			s.Results = append(s.Results, at.outcomeResult("open", "could not be evaluated"))
			invocation.notifyUnknown(at)
		case !o.Verbose || o.SARIFProfile == SARIFGitHub:
		case c.Outcome == audit.OutcomeNotApplicable:
			s.Results = append(s.Results, at.outcomeResult("notApplicable", "does not apply"))
		case c.Outcome == audit.OutcomePass:
			s.Results = append(s.Results, at.outcomeResult("pass", "passed"))
		}
	}
}

// rule is the index of a control's rule in the run. In a run of several results, it has nothing
// that depends on the result, such as the outcome.
func (s *sarifRun) rule(c audit.Control, o Options) int {
	rules := &s.Tool.Driver.Rules
	i := slices.IndexFunc(*rules, func(r sarifRule) bool { return r.ID == string(c.ID) })
	if i < 0 {
		i = len(*rules)
		*rules = append(*rules, newSARIFRule(c, o.Rules))
	}
	if s.Properties == nil {
		facts := &(*rules)[i].Properties
		facts.Outcome, facts.Original, facts.Reason, facts.Notes = "", "", "", nil
	}
	return i
}

// notifyUnknown says that a control is unknown, once for several environments with the same reason.
func (s *sarifInvocation) notifyUnknown(at sarifControl) {
	said := breakLinks(endSentence(fmt.Sprintf("%s could not be evaluated: %s", at.control.ID, at.control.Reason)))
	i := slices.IndexFunc(s.Notifications, func(n sarifNotification) bool {
		return at.namesEnvironment && n.AssociatedRule != nil && n.AssociatedRule.Index == at.index && n.Message.Text == said
	})
	if i < 0 {
		i = len(s.Notifications)
		s.Notifications = append(s.Notifications, sarifNotification{
			Level: "warning", Message: sarifText{Text: said}, AssociatedRule: &sarifRef{ID: string(at.control.ID), Index: at.index},
		})
	}
	if at.namesEnvironment {
		s.Notifications[i].environments = append(s.Notifications[i].environments, at.env.Name)
	}
}

// unreadNotification says that an environment or a file could not be read, so that viewers do not close its
// alerts.
func unreadNotification(r audit.Result) sarifNotification {
	n := sarifNotification{Level: "error", Message: sarifText{Text: breakLinks(endSentence(headline(r)))}}
	if at := r.Unread.Location; at != nil {
		if file, _, _ := strings.Cut(at.Path, "!/"); inCheckout(file) {
			physical, _, _ := physicalLocation(at)
			n.Locations = []sarifLocation{{Physical: physical}}
		}
	}
	return n
}
