package report

import (
	"io"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/oscal"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// An ocsfEvent is an event of the class Compliance Finding in the Open Cybersecurity Schema Framework
// 1.8.0.
type ocsfEvent struct {
	ActivityID   int              `json:"activity_id"`
	ActivityName string           `json:"activity_name"`
	CategoryUID  int              `json:"category_uid"`
	CategoryName string           `json:"category_name"`
	ClassUID     int              `json:"class_uid"`
	ClassName    string           `json:"class_name"`
	TypeUID      int              `json:"type_uid"`
	TypeName     string           `json:"type_name"`
	SeverityID   int              `json:"severity_id"`
	Severity     string           `json:"severity"`
	StatusID     int              `json:"status_id,omitempty"`
	Status       string           `json:"status,omitempty"`
	Time         int64            `json:"time"`
	StartTime    int64            `json:"start_time,omitempty"`
	Message      string           `json:"message"`
	Metadata     ocsfMetadata     `json:"metadata"`
	FindingInfo  ocsfFindingInfo  `json:"finding_info"`
	Compliance   ocsfCompliance   `json:"compliance"`
	Resources    []ocsfResource   `json:"resources"`
	Evidences    []ocsfEvidence   `json:"evidences,omitempty"`
	Remediation  *ocsfRemediation `json:"remediation,omitempty"`
	Unmapped     ocsfUnmapped     `json:"unmapped"`
}

type ocsfMetadata struct {
	Version string `json:"version"`
	Product struct {
		Name       string `json:"name"`
		VendorName string `json:"vendor_name"`
		Version    string `json:"version"`
	} `json:"product"`
}

type ocsfFindingInfo struct {
	UID      string        `json:"uid"`
	Title    string        `json:"title"`
	Analytic *ocsfAnalytic `json:"analytic,omitempty"`
	SrcURL   string        `json:"src_url,omitempty"`
}

type ocsfAnalytic struct {
	UID    string `json:"uid"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type ocsfCompliance struct {
	Standards     []string `json:"standards"`
	Control       string   `json:"control,omitempty"`
	Desc          string   `json:"desc,omitempty"`
	Requirements  []string `json:"requirements,omitempty"`
	StatusID      int      `json:"status_id"`
	Status        string   `json:"status"`
	StatusCode    string   `json:"status_code"`
	StatusDetails []string `json:"status_details,omitempty"`
}

type ocsfResource struct {
	UID       string `json:"uid,omitempty"`
	Name      string `json:"name,omitempty"`
	Type      string `json:"type"`
	Namespace string `json:"namespace,omitempty"`
}

type ocsfEvidence struct {
	UID  string        `json:"uid,omitempty"`
	Name string        `json:"name,omitempty"`
	Data audit.Finding `json:"data"`
}

type ocsfRemediation struct {
	Desc       string   `json:"desc"`
	References []string `json:"references,omitempty"`
}

// An ocsfUnmapped holds the values for which the class has no attribute.
type ocsfUnmapped struct {
	Environment     string         `json:"environment"`
	URL             string         `json:"url,omitempty"`
	Profile         audit.Profile  `json:"profile"`
	Snapshot        string         `json:"snapshot_digest,omitempty"`
	OriginalOutcome *audit.Outcome `json:"original_outcome,omitempty"`
	Location        string         `json:"location,omitempty"`
}

// writeOCSF writes an event of the class Compliance Finding, as a line of JSON, for each control and
// for each environment or file that could not be read.
func writeOCSF(w io.Writer, set *resultSet, o Options) error {
	var ids oscal.IDs
	for r := range set.all() {
		var events []ocsfEvent
		if r.Unread != nil {
			events = append(events, ocsfUnreadEvent(r))
		}
		for _, c := range r.Controls {
			events = append(events, ocsfControlEvent(r, c, o))
		}
		for _, event := range events {
			event.FindingInfo.UID = ids.Unique(append([]string{"ocsf", event.Compliance.Control}, resultKey(r)...)...)
			line, err := text.EncodeJSON(event)
			if err != nil {
				return err
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// newOCSFEvent returns an event with the attributes that all events of a result share.
func newOCSFEvent(r audit.Result, severity audit.Severity) ocsfEvent {
	e := ocsfEvent{
		ActivityID: 1, ActivityName: "Create", CategoryUID: 2, CategoryName: "Findings",
		ClassUID: 2003, ClassName: "Compliance Finding", TypeUID: 2003_01, TypeName: "Compliance Finding: Create",
		Time:       r.EvaluatedAt.UnixMilli(),
		Compliance: ocsfCompliance{Standards: []string{joinNonBlank(": ", text.Line(r.Profile.Name), text.Line(r.Profile.Title))}},
		Resources:  []ocsfResource{{UID: text.Line(r.Environment.OrganizationID), Name: text.Line(r.Environment.Name), Type: r.Kind()}},
		Unmapped: ocsfUnmapped{
			Environment: text.Line(r.Environment.Name), URL: text.Line(r.Environment.URL), Profile: r.Profile, Snapshot: text.Line(r.Snapshot.Digest),
		},
	}
	e.Metadata.Version, e.Metadata.Product.VendorName = "1.8.0", "dbaudit"
	e.Metadata.Product.Name, e.Metadata.Product.Version = text.Line(r.Tool.Name), text.Line(r.Tool.Version)
	terms := termsOf(severity)
	e.SeverityID, e.Severity = terms.ocsf, terms.caption
	if !r.Snapshot.TakenAt.IsZero() {
		e.StartTime = r.Snapshot.TakenAt.UnixMilli()
	}
	return e
}

func ocsfUnreadEvent(r audit.Result) ocsfEvent {
	e := newOCSFEvent(r, audit.SeverityCritical)
	e.Message = unreadText(r)
	e.FindingInfo.Title = "The " + r.Kind() + " could not be read"
	e.Compliance.StatusID, e.Compliance.Status = ocsfStatus(audit.OutcomeUnknown)
	e.Compliance.StatusCode = "unread"
	e.Compliance.StatusDetails = []string{e.Message}
	e.Unmapped.Location = locationText(r.Unread.Location)
	return e
}

func ocsfControlEvent(r audit.Result, c audit.Control, o Options) ocsfEvent {
	severity := c.Severity
	if c.Outcome == audit.OutcomePass || c.Outcome == audit.OutcomeNotApplicable {
		severity = audit.SeverityInfo // no action is required
	}
	e := newOCSFEvent(r, severity)
	e.Message = joinNonBlank(": ", text.Line(string(c.ID)), text.Line(outcomeWithReason(c)))
	e.FindingInfo.Title = joinNonBlank(": ", text.Line(string(c.ID)), text.Line(c.Title))
	e.FindingInfo.SrcURL = pageURL(c)
	e.FindingInfo.Analytic = &ocsfAnalytic{UID: text.Line(c.Rule), TypeID: 1, Type: "Rule"}
	e.Compliance.Control, e.Compliance.Desc = text.Line(string(c.ID)), text.Line(c.Title)
	e.Compliance.StatusID, e.Compliance.Status = ocsfStatus(c.Outcome)
	e.Compliance.StatusCode = c.Outcome.String()
	if line := citationText(c.Citation); line != "" {
		e.Compliance.Requirements = []string{line}
	}
	if c.Reason != "" {
		e.Compliance.StatusDetails = append(e.Compliance.StatusDetails, text.Line(c.Reason))
	}
	if c.Outcome == audit.OutcomeWaived {
		e.StatusID, e.Status = 3, "Suppressed"
	}
	e.Unmapped.OriginalOutcome, e.Unmapped.Location = c.Original, locationText(c.Location)
	var fixes []string
	for _, f := range c.Findings {
		e.Compliance.StatusDetails = append(e.Compliance.StatusDetails, text.Line(f.Message))
		e.Evidences = append(e.Evidences, ocsfEvidence{UID: text.Line(f.Fingerprint), Name: text.Line(f.Message), Data: f})
		if s := f.Subject; s.Kind != audit.SubjectEnvironment {
			resource := ocsfResource{UID: text.Line(s.ID), Name: text.Line(s.Name), Type: s.Kind.String(), Namespace: text.Line(s.Table)}
			if (s.ID != "" || s.Name != "") && !slices.Contains(e.Resources, resource) {
				e.Resources = append(e.Resources, resource)
			}
		}
		if fix := advice(f, c, o); f.Waiver == nil && !slices.Contains(fixes, fix) {
			fixes = append(fixes, fix)
		}
	}
	for _, remark := range c.Remarks() {
		e.Compliance.StatusDetails = append(e.Compliance.StatusDetails, text.Line(remark))
	}
	if len(fixes) > 0 {
		e.Remediation = &ocsfRemediation{Desc: joinNonBlank(" ", fixes...), References: []string{e.FindingInfo.SrcURL}}
	}
	return e
}

// ocsfStatus returns the compliance status of an outcome. The id 99 means a status that the class does
// not define.
func ocsfStatus(o audit.Outcome) (id int, caption string) {
	switch o {
	case audit.OutcomePass:
		return 1, "Pass"
	case audit.OutcomeFail:
		return 3, "Fail"
	case audit.OutcomeNotApplicable:
		return 99, "Not Applicable"
	case audit.OutcomeWaived:
		return 99, "Waived"
	case audit.OutcomeUnknown:
	}
	return 0, "Unknown"
}
