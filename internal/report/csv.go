package report

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// writeCSV writes a row for each finding. A control that could not be evaluated, and
// an environment or a file that could not be read, has a row without a fingerprint, so
// that an incomplete environment does not look like one without faults; verbose adds such rows for all other controls without
// findings. Each row carries the notes on its control and on the whole result.
func writeCSV(w io.Writer, rs []audit.Result, o Options) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{
		"environment", "url", "organization_id", "profile", "control", "rule", "title", "severity", "outcome", "original_outcome",
		"reason", "citation", "fingerprint", "message", "subject_kind", "subject_id", "subject_name", "subject_table",
		"privilege", "state", "required_depth", "actual_depth", "evidence", "fix_kind", "fix", "file", "line",
		"waiver_kind", "waiver_owner", "waiver_expires", "waiver_reason", "baseline_state",
		"snapshot_digest", "snapshot_taken_at", "evaluated_at",
		"profile_version", "profile_origin", "profile_digest", "notes",
	}); err != nil {
		return err
	}
	for _, r := range rs {
		if u := r.Unread; u != nil {
			unread := audit.Control{Reason: unreadText(r), Location: u.Location}
			if err := c.Write(csvRow(r, unread, nil, o)); err != nil {
				return err
			}
		}
		for _, k := range r.Controls {
			for i := range k.Findings {
				if err := c.Write(csvRow(r, k, &k.Findings[i], o)); err != nil {
					return err
				}
			}
			if len(k.Findings) == 0 && (o.Verbose || k.Outcome == audit.OutcomeUnknown) {
				if err := c.Write(csvRow(r, k, nil, o)); err != nil {
					return err
				}
			}
		}
	}
	c.Flush()
	return c.Error()
}

func csvRow(r audit.Result, c audit.Control, f *audit.Finding, o Options) []string {
	severity, original := "", ""
	if c.Severity != audit.SeverityInvalid {
		severity = c.Severity.String()
	}
	if c.Original != nil {
		original = c.Original.String()
	}
	location := c.Location
	var finding audit.Finding
	kind, table := "", ""
	if f != nil {
		finding = *f
		kind, table = f.Subject.Kind.String(), f.Subject.Table
		if f.Location != nil {
			location = f.Location
		}
	}
	var facts []string
	for _, d := range evidence(finding.Evidence) {
		facts = append(facts, d.Name+"="+d.Value)
	}
	fixKind, fix := "", ""
	if f != nil {
		fix = advice(*f, c, o)
	}
	if finding.Fix != nil {
		fixKind, fix = string(finding.Fix.Kind), change.Summary(*finding.Fix)
	}
	file, line := "", ""
	if location != nil {
		file = location.Path
		if location.Line > 0 {
			line = plainValue(location.Line)
		}
	}
	var w audit.Waiver
	if finding.Waiver != nil {
		w = *finding.Waiver
	}
	row := []string{
		r.Environment.Name, r.Environment.URL, r.Environment.OrganizationID, r.Profile.Name,
		string(c.ID), c.Rule, c.Title, severity, c.Outcome.String(), original,
		c.Reason, citation(c.Citation), finding.Fingerprint, finding.Message, kind, finding.Subject.ID, finding.Subject.Name, table,
		finding.Evidence.Text("privilege"), finding.Evidence.Text("state"),
		finding.Evidence.Text("required_depth"), finding.Evidence.Text("actual_depth"),
		strings.Join(facts, "; "), fixKind, fix, file, line,
		w.Kind, w.Owner, w.Expires, w.Reason, string(finding.Baseline),
		r.Snapshot.Digest, timestamp(r.Snapshot.TakenAt), timestamp(r.EvaluatedAt),
		r.Profile.Version, r.Profile.Origin, r.Profile.Digest,
		strings.Join(slices.Concat(c.Remarks(), r.Notes), "; "),
	}
	for i := range row {
		row[i] = Inert(visible(row[i]))
	}
	return row
}

// Inert keeps a spreadsheet from taking a cell for a formula: an apostrophe in
// front makes it text. Blanks in front of the formula do not help against all of
// them, nor does the full-width form of the signs.
func Inert(s string) string {
	t := strings.TrimLeft(s, " \u00a0\u3000")
	for _, sign := range []string{"=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(t, sign) {
			return "'" + s
		}
	}
	return s
}
