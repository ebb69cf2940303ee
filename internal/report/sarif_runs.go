package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// newSARIFRuns makes a run of each result, or of all results of one category.
func newSARIFRuns(from *resultSet, o Options) []*sarifRun {
	category := runCategory(from.results, o)
	var all []*sarifRun
	known := map[string]*sarifRun{}
	for r := range from.all() {
		group := category(r)
		s := known[group]
		if s == nil {
			s = newSARIFRun(r, o, len(from.results) > 1)
			all = append(all, s)
		} else {
			s.Properties = nil
		}
		if group != "" {
			known[group], s.AutomationDetails = s, sarifAutomation{ID: "dbaudit/" + group + "/"}
		}
		s.add(r, o, group != "" && !r.IsFile())
	}
	return finishSARIFRuns(all, o)
}

// runCategory returns the category of a result's run; "" is a separate run. For GitHub, all files
// that one profile judged are one run; if there are still too many runs, so are all environments
// that one profile judged, and finally everything. The choice depends only on the number of
// results, so that a category means the same from one upload to the next.
func runCategory(rs []audit.Result, o Options) func(audit.Result) string {
	if o.SARIFProfile != SARIFGitHub {
		if o.SARIFProfile != SARIFAzureDevOps && len(rs) > maxSARIFRuns && o.Warn != nil {
			o.Warn(fmt.Sprintf("%d runs: GitHub refuses a file of more than %d; --sarif-profile github joins them", len(rs), maxSARIFRuns))
		}
		return func(audit.Result) string { return "" }
	}
	files := func(r audit.Result) string {
		if r.IsFile() {
			return "lint/" + escapePath(r.Profile.Name)
		}
		return ""
	}
	environments := func(r audit.Result) string {
		return cmp.Or(files(r), "environments/"+escapePath(r.Profile.Name))
	}
	for _, category := range []func(audit.Result) string{files, environments} {
		runs := map[string]bool{}
		for i, r := range rs {
			runs[cmp.Or(category(r), strconv.Itoa(i))] = true
		}
		if len(runs) <= maxSARIFRuns {
			return category
		}
	}
	return func(audit.Result) string { return "all" }
}

func finishSARIFRuns(all []*sarifRun, o Options) []*sarifRun {
	known := map[string]bool{}
	for _, s := range all {
		// Two integrations of one environment are two categories.
		if id := &s.AutomationDetails.ID; known[*id] && s.Properties != nil {
			category, isCategory := strings.CutSuffix(*id, "/")
			*id = category + "/" + escapePath(s.Properties.Profile)
			if isCategory {
				*id += "/"
			}
		}
		known[s.AutomationDetails.ID] = true
		s.finish(o)
	}
	return all
}

// finish cuts a complete run to the limits of its viewer, and lists the archives in it.
func (s *sarifRun) finish(o Options) {
	if len(s.Results) > maxSARIFResults {
		slices.SortStableFunc(s.Results, func(a, b sarifResult) int { return b.urgency - a.urgency })
	}
	notes := &s.Invocations[0].Notifications
	for i := range *notes {
		(*notes)[i].nameEnvironments()
	}
	if o.SARIFProfile != SARIFGitHub {
		s.Artifacts = listArchives(s.Results)
		return
	}
	if len(s.Results) <= maxSARIFResults {
		return
	}
	left := map[audit.Severity]int{}
	for _, r := range s.Results[maxSARIFResults:] {
		left[max(audit.Severity(r.urgency), audit.SeverityInvalid)]++
	}
	said := fmt.Sprintf("%s left out, the least severe ones (%s), because GitHub keeps %d of a run; -f json has all",
		count(len(s.Results)-maxSARIFResults, "result"), severityCounts(left), maxSARIFResults)
	s.Results = s.Results[:maxSARIFResults]
	*notes = append(*notes, sarifNotification{Level: "warning", Message: sarifText{Text: said + "."}})
	if o.Warn != nil {
		o.Warn("the run " + s.AutomationDetails.ID + ": " + said)
	}
}

// nameEnvironments adds the environments to a notification's text.
func (n *sarifNotification) nameEnvironments() {
	switch len(n.environments) {
	case 0:
	case 1:
		n.Message.Text = breakLinks(n.environments[0]) + ": " + n.Message.Text
	default:
		n.Message.Text += breakLinks(fmt.Sprintf(" In %s: %s.", count(len(n.environments), "environment"), text.JoinFirst(n.environments, 3)))
	}
}

// listArchives lists the archives and their entries that results refer to, and sets their indexes. GitHub
// does not support files within files; the message names the place as well.
func listArchives(results []sarifResult) []sarifFile {
	var files []sarifFile
	known := map[[2]string]*int{}
	index := func(archive, entry string, file sarifFile) *int {
		key := [2]string{archive, entry}
		if known[key] == nil {
			i := len(files)
			known[key] = &i
			files = append(files, file)
		}
		return known[key]
	}
	for i := range results {
		r := &results[i]
		if r.entry == nil {
			continue
		}
		archive := &r.Locations[0].Physical.File
		archive.Index = index(archive.URI, "", sarifFile{Location: sarifArtifact{URI: archive.URI}, Roles: []string{"analysisTarget"}})
		entry := *r.entry
		entry.File.Index = index(archive.URI, entry.File.URI,
			sarifFile{Location: sarifArtifact{URI: entry.File.URI}, ParentIndex: archive.Index, Roles: []string{"resultFile"}})
		r.RelatedLocations = []sarifRelated{{ID: 1, Physical: entry, Message: sarifText{Text: "The place within the archive."}}}
	}
	return files
}
