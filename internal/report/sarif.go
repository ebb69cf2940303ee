package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// The viewers of SARIF determine the form of the document:
//
//   - GitHub refuses a result without a physical location in the checkout, although logical
//     locations alone are valid SARIF. A finding in an environment is therefore placed on the line
//     of the configuration that states the requirement, and has the Dataverse object as a logical
//     location.
//   - GitHub and Azure DevOps read the level of a result, not its kind. A control that passed or
//     does not apply is a result only in a verbose document, and never for GitHub, which would show
//     it as an alert. The properties of its rule have its outcome.
//   - GitHub keeps the 5,000 most severe results of a run, and refuses a run of more than 25,000.
//     Long runs have the worst results first. For GitHub, they are cut, and the run and standard
//     error say so.
//   - GitHub refuses a file of more than 20 runs. It leaves the alerts of a run open if that run is
//     not uploaded again, such as that of a deleted file. For GitHub, all files that were judged by
//     one profile are therefore one run, and so are all environments if there are too many.
//   - GitHub keeps one run for a tool and category. The category is automationDetails.id up to its
//     last slash, so it names the environment.

const (
	sarifSchema  = "https://json.schemastore.org/sarif-2.1.0.json"
	sarifVersion = "2.1.0"
	// fingerprintKey includes the version of the fingerprint's algorithm.
	fingerprintKey = "dbaudit/v1"
	homepage       = "https://github.com/dbaudit/dbaudit"
	// The limits of GitHub: results of a run, and runs of a file.
	maxSARIFResults = 5000
	maxSARIFRuns    = 20
)

func writeSARIF(w io.Writer, set *resultSet, o Options) error {
	if o.SARIFProfile == SARIFAzureDevOps {
		if err := o.AzureDevOps.Validate(); err != nil {
			return err
		}
	}
	return encodeJSON(w, sarifLog{Schema: sarifSchema, Version: sarifVersion, Runs: newSARIFRuns(set, o)})
}

// newSARIFRun returns the run of a result, without its findings.
func newSARIFRun(r audit.Result, o Options, multiple bool, help func(audit.Control, audit.Rule) sarifText) *sarifRun {
	s := &sarifRun{
		help:              help,
		AutomationDetails: automationDetails(r, o, multiple),
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

// add adds the findings and the unknown controls of a result. In a run of several environments, each
// message names its environment.
func (s *sarifRun) add(r audit.Result, o Options, namesEnvironment bool) {
	invocation := &s.Invocations[0]
	if r.Summary.Unknown > 0 || r.Verdict == audit.VerdictIncomplete {
		invocation.ExecutionSuccessful = false
	}
	if r.Unread != nil {
		invocation.Notifications = append(invocation.Notifications, unreadNotification(r))
	}
	for _, c := range r.Controls {
		sc := sarifControl{env: r.Environment, control: c, index: s.rule(c, o), options: o, namesEnvironment: namesEnvironment}
		for _, f := range c.Findings {
			s.Results = append(s.Results, sc.findingResult(f))
		}
		switch {
		case c.Outcome == audit.OutcomeUnknown:
			s.Results = append(s.Results, sc.outcomeResult("open", "could not be evaluated"))
			invocation.notifyUnknown(sc)
		case !o.Verbose || o.SARIFProfile == SARIFGitHub:
		case c.Outcome == audit.OutcomeNotApplicable:
			s.Results = append(s.Results, sc.outcomeResult("notApplicable", "does not apply"))
		case c.Outcome == audit.OutcomePass:
			s.Results = append(s.Results, sc.outcomeResult("pass", "passed"))
		}
	}
}

// rule returns the index of a control's rule in the run, and adds the rule on first use. In a run of
// several results, a rule has no property that depends on the result, such as the outcome.
func (s *sarifRun) rule(c audit.Control, o Options) int {
	rules := &s.Tool.Driver.Rules
	i := slices.IndexFunc(*rules, func(r sarifRule) bool { return r.ID == string(c.ID) })
	if i < 0 {
		i = len(*rules)
		*rules = append(*rules, newSARIFRule(c, o.Rules[c.Rule], s.help))
	}
	if s.Properties == nil {
		facts := &(*rules)[i].Properties
		facts.Outcome, facts.Original, facts.Reason, facts.Notes = "", "", "", nil
	}
	return i
}

// notifyUnknown adds a notification about an unknown control. Environments with the same reason share
// a notification.
func (s *sarifInvocation) notifyUnknown(sc sarifControl) {
	message := breakLinks(endSentence(fmt.Sprintf("%s could not be evaluated: %s", sc.control.ID, sc.control.Reason)))
	i := slices.IndexFunc(s.Notifications, func(n sarifNotification) bool {
		return sc.namesEnvironment && n.AssociatedRule != nil && n.AssociatedRule.Index == sc.index && n.Message.Text == message
	})
	if i < 0 {
		i = len(s.Notifications)
		s.Notifications = append(s.Notifications, sarifNotification{
			Level: "warning", Message: sarifText{Text: message}, AssociatedRule: &sarifRef{ID: string(sc.control.ID), Index: sc.index},
		})
	}
	if sc.namesEnvironment {
		s.Notifications[i].environments = append(s.Notifications[i].environments, sc.env.Name)
	}
}

// unreadNotification says that an environment or a file could not be read, so that viewers do not close
// its alerts.
func unreadNotification(r audit.Result) sarifNotification {
	n := sarifNotification{Level: "error", Message: sarifText{Text: breakLinks(endSentence(headline(r)))}}
	if l := r.Unread.Location; l != nil {
		if file, _, _ := strings.Cut(l.Path, "!/"); inCheckout(file) {
			physical, _, _ := physicalLocation(l)
			n.Locations = []sarifLocation{{Physical: physical}}
		}
	}
	return n
}
