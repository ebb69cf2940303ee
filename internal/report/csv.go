package report

import (
	"cmp"
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// writeCSV writes a row for each finding. A row without a fingerprint is a control that could not be
// evaluated, the control of the views if none is configured, or an environment or file that could not
// be read: without the row, it would look compliant. Verbose adds such rows for all other controls
// without findings.
func writeCSV(w io.Writer, set *resultSet, o Options) error {
	out := csv.NewWriter(w)
	rows := [][]string{{
		"environment", "url", "organization_id", "profile", "control", "rule", "title", "severity", "outcome", "original_outcome",
		"reason", "citation", "fingerprint", "message", "subject_kind", "subject_id", "subject_name", "subject_table",
		"privilege", "state", "required_depth", "actual_depth", "evidence", "fix_kind", "fix", "file", "line",
		"waiver_kind", "waiver_owner", "waiver_expires", "waiver_reason", "baseline_state",
		"snapshot_digest", "snapshot_taken_at", "evaluated_at",
		"profile_version", "profile_origin", "profile_digest", "notes",
	}}
	for r := range set.all() {
		if err := out.WriteAll(rows); err != nil {
			return err
		}
		rows = csvRows(r, o)
	}
	return out.WriteAll(rows)
}

func csvRows(r audit.Result, o Options) [][]string {
	var rows [][]string
	if u := r.Unread; u != nil {
		rows = append(rows, csvRow(r, audit.Control{Reason: unreadText(r), Location: u.Location}, nil, o))
	}
	for _, c := range r.Controls {
		for i := range c.Findings {
			rows = append(rows, csvRow(r, c, &c.Findings[i], o))
		}
		unchecked := c.Rule == "view/shared" && r.SkipsViews()
		if len(c.Findings) == 0 && (o.Verbose || c.Outcome == audit.OutcomeUnknown || unchecked) {
			rows = append(rows, csvRow(r, c, nil, o))
		}
	}
	return rows
}

// csvRow returns the row of a finding, or of a control if f is nil.
func csvRow(r audit.Result, c audit.Control, f *audit.Finding, o Options) []string {
	kind, fixKind, fix, file, line := "", "", "", "", ""
	if f == nil {
		f = &audit.Finding{}
	} else {
		kind, fix = f.Subject.Kind.String(), advice(*f, c, o)
	}
	if f.Fix != nil {
		fixKind, fix = string(f.Fix.Kind), change.Summary(*f.Fix)
	}
	if l := cmp.Or(f.Location, c.Location); l != nil {
		file = l.Path
		if l.Line > 0 {
			line = strconv.Itoa(l.Line)
		}
	}
	var evidence []string
	for _, d := range evidenceFacts(f.Evidence) {
		evidence = append(evidence, d.Name+"="+d.Value)
	}
	w := cmp.Or(f.Waiver, &audit.Waiver{})
	row := []string{
		r.Environment.Name, r.Environment.URL, r.Environment.OrganizationID, r.Profile.Name,
		string(c.ID), c.Rule, c.Title, severityOr(c.Severity, ""), c.Outcome.String(), originalOutcome(c),
		c.Reason, citationText(c.Citation), f.Fingerprint, f.Message, kind, f.Subject.ID, f.Subject.Name, f.Subject.Table,
		f.Evidence.Text("privilege"), f.Evidence.Text("state"), f.Evidence.Text("required_depth"), f.Evidence.Text("actual_depth"),
		strings.Join(evidence, "; "), fixKind, fix, file, line,
		w.Kind, w.Owner, w.Expires, w.Reason, string(f.Baseline),
		r.Snapshot.Digest, formatTimestamp(r.Snapshot.TakenAt), formatTimestamp(r.EvaluatedAt),
		r.Profile.Version, r.Profile.Origin, r.Profile.Digest,
		strings.Join(slices.Concat(c.Remarks(), r.Notes), "; "),
	}
	for i := range row {
		row[i] = EscapeFormula(text.Line(row[i]))
	}
	return row
}

// EscapeFormula puts an apostrophe before s if a spreadsheet would evaluate it as a formula. Some
// spreadsheets evaluate formulas after spaces, and formulas that begin with a full-width sign.
func EscapeFormula(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " \u00a0\u3000"))
	if strings.ContainsRune("=+-@\t\r＝＋－＠", first) {
		return "'" + s
	}
	return s
}
