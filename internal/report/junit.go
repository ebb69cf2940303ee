package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// The fields are in the order of the JUnit schemas. Fields that any schema requires, such as hostname
// and system-err, are always written.

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	ID         int             `xml:"id,attr"`
	Package    string          `xml:"package,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Hostname   string          `xml:"hostname,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out"`
	Err        string          `xml:"system-err"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string      `xml:"name,attr"`
	Class   string      `xml:"classname,attr"`
	Time    string      `xml:"time,attr"`
	Skipped *junitFault `xml:"skipped"`
	Error   *junitFault `xml:"error"`
	Failure *junitFault `xml:"failure"`
}

type junitFault struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

func writeJUnit(w io.Writer, set *resultSet, o Options) error {
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	suites := xml.StartElement{Name: xml.Name{Local: "testsuites"}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	if err := e.EncodeToken(suites); err != nil {
		return err
	}
	id := 0
	for r := range set.all() {
		if err := e.EncodeElement(newJUnitSuite(r, id, o), xml.StartElement{Name: xml.Name{Local: "testsuite"}}); err != nil {
			return err
		}
		id++
	}
	if err := e.EncodeToken(suites.End()); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func newJUnitSuite(r audit.Result, id int, o Options) junitSuite {
	host := "localhost"
	if u, err := url.Parse(r.Environment.URL); err == nil && u.Hostname() != "" {
		host = text.Line(u.Hostname())
	}
	env := r.Environment.Name
	s := junitSuite{
		Name: joinNonBlank(" ", "dbaudit", r.Profile.Name, env), ID: id, Package: "dbaudit",
		// The schemas allow no time zone.
		Timestamp: r.EvaluatedAt.UTC().Format("2006-01-02T15:04:05"),
		Hostname:  host, Tests: len(r.Controls), Failures: r.Summary.Fail, Errors: r.Summary.Unknown, Time: "0",
		Skipped: r.Summary.Waived + r.Summary.NotApplicable,
		Properties: []junitProperty{
			{"environment", env},
			{"url", r.Environment.URL},
			{"organization_id", r.Environment.OrganizationID},
			{"profile", r.Profile.Name},
			{"profile_version", r.Profile.Version},
			{"profile_origin", r.Profile.Origin},
			{"profile_digest", r.Profile.Digest},
			{"source", r.Profile.Source.URL},
			{"snapshot", r.Snapshot.Digest},
			{"snapshot_taken_at", formatTimestamp(r.Snapshot.TakenAt)},
			{"verdict", r.Verdict.String()},
			{"coverage", percent(r.Summary)},
			{"tool", r.Tool.Name + " " + r.Tool.Version},
		},
	}
	if u := r.Unread; u != nil {
		s.Tests, s.Errors = 1, 1
		s.Cases = []junitCase{{
			Name: "the " + r.Kind() + " can be read", Class: junitClass(env, r.Kind()), Time: "0",
			Error: &junitFault{Type: "unread", Message: headline(r), Text: locationText(u.Location)},
		}}
	}
	for _, c := range r.Controls {
		s.Cases = append(s.Cases, newJUnitCase(c, env, o))
	}
	var notes []string
	for _, n := range notesOf(r) {
		notes = append(notes, n.String())
	}
	s.Out = strings.Join(notes, "\n")
	return s
}

func newJUnitCase(c audit.Control, env string, o Options) junitCase {
	category, _, _ := strings.Cut(c.Rule, "/")
	test := junitCase{Name: joinNonBlank(": ", string(c.ID), c.Title), Class: junitClass(env, category), Time: "0"}
	switch c.Outcome {
	case audit.OutcomeFail:
		test.Failure = &junitFault{Type: c.Severity.String(), Message: summarizeFindings(c), Text: junitDetails(c, o)}
	case audit.OutcomeUnknown:
		test.Error = &junitFault{Type: "unknown", Message: "could not be evaluated: " + c.Reason, Text: junitDetails(c, o)}
	case audit.OutcomeWaived:
		message, waivers := "waived", []string{}
		if c.Original != nil {
			message += " (originally " + outcomeText(*c.Original) + ")"
		}
		for _, f := range c.Findings {
			if f.Waiver != nil {
				waivers = append(waivers, f.Message+", "+waiverText(f.Waiver))
			}
		}
		test.Skipped = &junitFault{Message: message + ": " + strings.Join(waivers, "; ")}
	case audit.OutcomeNotApplicable:
		test.Skipped = &junitFault{Message: "not applicable: " + c.Reason}
	case audit.OutcomePass:
	}
	return test
}

// junitClass returns a class name. Dashboards split it at the dots.
func junitClass(env, category string) string {
	return strings.NewReplacer(".", "_", "/", ".").Replace("dbaudit/" + env + "/" + category)
}

// summarizeFindings returns the message of the lead finding, and counts the others.
func summarizeFindings(c audit.Control) string {
	if len(c.Findings) == 0 {
		return c.Title
	}
	summary := c.Findings[leadFindingIndex(c)].Message
	if more := len(c.Findings) - 1; more > 0 {
		summary += fmt.Sprintf(" (and %d more)", more)
	}
	return summary
}

func junitDetails(c audit.Control, o Options) string {
	var b strings.Builder
	if s := citationText(c.Citation); s != "" {
		fmt.Fprintf(&b, "\nRequirement: %s\n", s)
	}
	for _, f := range c.Findings {
		fmt.Fprintf(&b, "\n%s\n", f.Message)
		fmt.Fprintf(&b, "  on: %s\n", subjectText(f.Subject))
		for _, d := range evidenceFacts(f.Evidence) {
			fmt.Fprintf(&b, "  %s: %s\n", d.Name, d.Value)
		}
		fmt.Fprintf(&b, "  fix: %s\n", advice(f, c, o))
		if f.Waiver != nil {
			fmt.Fprintf(&b, "  %s\n", waiverText(f.Waiver))
		}
		if f.Baseline != audit.BaselineNone {
			fmt.Fprintf(&b, "  baseline: %s\n", f.Baseline)
		}
		fmt.Fprintf(&b, "  fingerprint: %s\n", f.Fingerprint)
	}
	return b.String()
}
