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

// newSARIFRuns returns a run for each result, or for all results of one category.
func newSARIFRuns(set *resultSet, o Options) []*sarifRun {
	categoryOf := runCategories(set.results, o)
	var runs []*sarifRun
	byCategory, help := map[string]*sarifRun{}, sharedHelp()
	for r := range set.all() {
		category := categoryOf(r)
		run := byCategory[category]
		if run == nil {
			run = newSARIFRun(r, o, len(set.results) > 1, help)
			runs = append(runs, run)
		} else {
			run.Properties = nil // they are those of one result
		}
		if category != "" {
			byCategory[category], run.AutomationDetails = run, sarifAutomation{ID: "dbaudit/" + category + "/"}
		}
		run.add(r, o, category != "" && !r.IsFile())
	}
	makeIDsUnique(runs)
	for _, run := range runs {
		run.finish(o)
	}
	return runs
}

// runCategories returns a function from a result to the category of its run. A result without a
// category has its own run. For GitHub, all files that one profile judged are one run. If there are
// still too many runs, so are all environments that one profile judged, and finally all results. The
// choice depends only on the number of results, so that a category means the same in each upload.
func runCategories(rs []audit.Result, o Options) func(audit.Result) string {
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

// makeIDsUnique adds the profile to the ids of the second and later integrations of an environment.
func makeIDsUnique(runs []*sarifRun) {
	taken := map[string]bool{}
	for _, run := range runs {
		if id := &run.AutomationDetails.ID; taken[*id] && run.Properties != nil {
			category, isCategory := strings.CutSuffix(*id, "/")
			*id = category + "/" + escapePath(run.Properties.Profile)
			if isCategory {
				*id += "/"
			}
		}
		taken[run.AutomationDetails.ID] = true
	}
}

// finish completes a run to which all results were added. It cuts a run for GitHub to the limit;
// for other viewers, it lists the archives.
func (s *sarifRun) finish(o Options) {
	if len(s.Results) > maxSARIFResults {
		slices.SortStableFunc(s.Results, func(a, b sarifResult) int { return b.urgency - a.urgency })
	}
	notifications := s.Invocations[0].Notifications
	for i := range notifications {
		notifications[i].nameEnvironments()
	}
	switch {
	case o.SARIFProfile != SARIFGitHub: // GitHub does not support files within files
		s.Artifacts = listArchives(s.Results)
	case len(s.Results) > maxSARIFResults:
		s.cut(o)
	}
}

// cut removes the least severe results from a run that has more than GitHub keeps, and says so in the
// run and to the user.
func (s *sarifRun) cut(o Options) {
	omitted := map[audit.Severity]int{}
	for _, r := range s.Results[maxSARIFResults:] {
		omitted[max(audit.Severity(r.urgency), audit.SeverityInvalid)]++
	}
	message := fmt.Sprintf("%s left out, the least severe ones (%s), because GitHub keeps %d of a run; -f json has all",
		text.Count(len(s.Results)-maxSARIFResults, "result"), severityCounts(omitted), maxSARIFResults)
	s.Results = s.Results[:maxSARIFResults]
	notifications := &s.Invocations[0].Notifications
	*notifications = append(*notifications, sarifNotification{Level: "warning", Message: sarifText{Text: message + "."}})
	if o.Warn != nil {
		o.Warn("the run " + s.AutomationDetails.ID + ": " + message)
	}
}

// nameEnvironments adds the names of the environments to the message.
func (n *sarifNotification) nameEnvironments() {
	switch len(n.environments) {
	case 0:
	case 1:
		n.Message.Text = breakLinks(n.environments[0]) + ": " + n.Message.Text
	default:
		n.Message.Text += breakLinks(fmt.Sprintf(" In %s: %s.", text.Count(len(n.environments), "environment"), text.JoinFirst(n.environments, 3)))
	}
}

// listArchives returns the archives and their entries that results refer to, and adds references to
// them to the results.
func listArchives(results []sarifResult) []sarifFile {
	var files []sarifFile
	indexes := map[[2]string]*int{}
	index := func(archive, entry string, file sarifFile) *int {
		key := [2]string{archive, entry}
		if indexes[key] == nil {
			i := len(files)
			indexes[key] = &i
			files = append(files, file)
		}
		return indexes[key]
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
