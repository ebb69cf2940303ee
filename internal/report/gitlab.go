package report

import (
	"io"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// A gitlabIssue is an entry of a Code Quality report, by GitLab's page "Code Quality".
type gitlabIssue struct {
	Description string         `json:"description"`
	CheckName   string         `json:"check_name"`
	Fingerprint string         `json:"fingerprint"`
	Severity    string         `json:"severity"`
	Location    gitlabLocation `json:"location"`
}

type gitlabLocation struct {
	Path  string `json:"path"`
	Lines struct {
		Begin int `json:"begin"`
	} `json:"lines"`
}

// writeGitLab writes a Code Quality report: an issue for each finding that no waiver covers, for each
// control that could not be evaluated, and for each file or environment that could not be read. GitLab
// requires a file for each issue; without one, the environment's name stands for it.
func writeGitLab(w io.Writer, set *resultSet, _ Options) error {
	list := []gitlabIssue{}
	occurrences := map[string]int{} // because fingerprints must be unique
	for r := range set.all() {
		add := func(l *audit.Location, check, severity, description string, key ...string) {
			issue := gitlabIssue{Description: description, CheckName: check, Severity: severity}
			issue.Location.Path, issue.Location.Lines.Begin = r.Environment.Name, 1
			if l != nil && l.Path != "" {
				issue.Location.Path, issue.Location.Lines.Begin = text.Line(l.Path), max(l.Line, 1)
			}
			id := strings.Join(append(key, r.Environment.Name, r.Profile.Name, check, issue.Location.Path), "\x00")
			occurrences[id]++
			issue.Fingerprint = sha256Base64(id + "\x00" + strconv.Itoa(occurrences[id]))
			list = append(list, issue)
		}
		if u := r.Unread; u != nil {
			add(u.Location, "dbaudit/unread", "blocker", unreadText(r), "unread")
		}
		if r.SkipsViews() {
			add(nil, "dbaudit/views", "info", audit.ViewsUnchecked, "note")
		}
		for _, i := range issuesOf(r, false) {
			switch {
			case i.isWaived():
			case i.Finding == nil:
				add(i.Location, string(i.ID), "major", i.message(), "unknown")
			default:
				add(i.Location, string(i.ID), termsOf(i.Severity).gitlab, i.message(), i.Finding.Fingerprint)
			}
		}
	}
	return encodeJSON(w, list)
}
