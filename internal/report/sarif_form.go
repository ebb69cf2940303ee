package report

import "github.com/dbaudit/dbaudit/internal/audit"

type sarifLog struct {
	Schema  string      `json:"$schema"`
	Version string      `json:"version"`
	Runs    []*sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	AutomationDetails sarifAutomation   `json:"automationDetails"`
	Invocations       []sarifInvocation `json:"invocations"`
	ColumnKind        string            `json:"columnKind"`
	Artifacts         []sarifFile       `json:"artifacts,omitempty"`
	Results           []sarifResult     `json:"results"`
	Properties        *sarifRunFacts    `json:"properties,omitempty"`

	help func(audit.Control, audit.Rule) sarifText // see [sharedHelp]
}

type sarifDriver struct {
	Name            string      `json:"name"`
	FullName        string      `json:"fullName"`
	Organization    string      `json:"organization"`
	Version         string      `json:"version"`
	SemanticVersion string      `json:"semanticVersion,omitempty"`
	InformationURI  string      `json:"informationUri"`
	Rules           []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID                   string    `json:"id"`
	Name                 string    `json:"name"`
	ShortDescription     sarifText `json:"shortDescription"`
	FullDescription      sarifText `json:"fullDescription"`
	Help                 sarifText `json:"help"`
	HelpURI              string    `json:"helpUri"`
	DefaultConfiguration struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties sarifRuleFacts `json:"properties"`
}

type sarifRuleFacts struct {
	Tags             []string `json:"tags"`
	Precision        string   `json:"precision"`
	ProblemSeverity  string   `json:"problem.severity"`
	SecuritySeverity string   `json:"security-severity"`
	Rule             string   `json:"dbaudit/rule"`
	Severity         string   `json:"dbaudit/severity"`
	Outcome          string   `json:"dbaudit/outcome,omitempty"`
	Original         string   `json:"dbaudit/originalOutcome,omitempty"`
	Reason           string   `json:"dbaudit/reason,omitempty"`
	Citation         string   `json:"dbaudit/citation,omitempty"`
	Notes            []string `json:"dbaudit/notes,omitempty"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifAutomation struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties,omitempty"`
}

type sarifInvocation struct {
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	StartTimeUTC        string              `json:"startTimeUtc,omitempty"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level          string          `json:"level"`
	Message        sarifText       `json:"message"`
	Locations      []sarifLocation `json:"locations,omitempty"`
	AssociatedRule *sarifRef       `json:"associatedRule,omitempty"`

	environments []string // the names of the environments, in a run of several
}

type sarifRef struct {
	ID    string `json:"id"`
	Index int    `json:"index"`
}

type sarifResult struct {
	RuleID              string             `json:"ruleId"`
	RuleIndex           int                `json:"ruleIndex"`
	Kind                string             `json:"kind"`
	Level               string             `json:"level"`
	Message             sarifText          `json:"message"`
	Locations           []sarifLocation    `json:"locations"`
	RelatedLocations    []sarifRelated     `json:"relatedLocations,omitempty"`
	PartialFingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions        []sarifSuppression `json:"suppressions,omitempty"`
	BaselineState       string             `json:"baselineState,omitempty"`
	Properties          map[string]any     `json:"properties,omitempty"`

	urgency int            // the most urgent results come first
	entry   *sarifPhysical // the location within the archive
}

type sarifSuppression struct {
	Kind          string            `json:"kind"`
	Status        string            `json:"status"`
	Justification string            `json:"justification"`
	Properties    map[string]string `json:"properties,omitempty"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

// A sarifRelated is the location of a finding within an archive.
type sarifRelated struct {
	ID       int           `json:"id"`
	Physical sarifPhysical `json:"physicalLocation"`
	Message  sarifText     `json:"message"`
}

// A sarifFile is an archive, or an entry of one.
type sarifFile struct {
	Location    sarifArtifact `json:"location"`
	ParentIndex *int          `json:"parentIndex,omitempty"`
	Roles       []string      `json:"roles,omitempty"`
}

type sarifPhysical struct {
	File   sarifArtifact `json:"artifactLocation"`
	Region sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI   string `json:"uri"`
	Index *int   `json:"index,omitempty"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
	EndColumn   int `json:"endColumn,omitempty"`
}

type sarifLogical struct {
	Name               string `json:"name"`
	Kind               string `json:"kind"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
}

type sarifRunFacts struct {
	Environment  audit.Environment `json:"dbaudit/environment"`
	Profile      string            `json:"dbaudit/profile"`
	Version      string            `json:"dbaudit/profile-version,omitempty"`
	Origin       string            `json:"dbaudit/profile-origin,omitempty"`
	Digest       string            `json:"dbaudit/profile-digest,omitempty"`
	Verdict      audit.Verdict     `json:"dbaudit/verdict"`
	Summary      audit.Summary     `json:"dbaudit/summary"`
	Snapshot     string            `json:"dbaudit/snapshotDigest"`
	SnapshotTime string            `json:"dbaudit/snapshotTaken,omitempty"`
	Notes        []string          `json:"dbaudit/notes,omitempty"`
}
