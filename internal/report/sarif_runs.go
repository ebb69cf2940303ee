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

// runs makes a run of each result, or of all results of one category.
func runs(from *source, o Options) []sarifRun {
	category := categories(from.rs, o)
	var all []sarifRun
	known := map[string]int{}
	for r := range from.each() {
		next := run(r, o, len(from.rs) > 1)
		group := category(r)
		if group != "" && !r.OfFile() {
			next.name(r)
		}
		if at, ok := known[group]; ok {
			all[at].join(next)
			continue
		}
		if group != "" {
			known[group] = len(all)
			next.AutomationDetails = sarifAutomation{ID: "dbaudit/" + group + "/"}
		}
		all = append(all, next)
	}
	return settled(all, o)
}

// categories says in which run a result is; "" means in one of its own. For GitHub, all files
// that one profile judged are one run; and where there are still more runs than it takes, so
// are all environments that one profile judged, at worst everything. What is joined depends
// on the number of results alone, so that a category means the same from one upload to the
// next.
func categories(rs []audit.Result, o Options) func(audit.Result) string {
	if o.SARIFProfile != GitHubCodeScanning {
		if o.SARIFProfile != AzureDevOpsPipeline && len(rs) > runsTaken && o.Warn != nil {
			o.Warn(fmt.Sprintf("%d runs: GitHub refuses a file of more than %d; --sarif-profile github joins them", len(rs), runsTaken))
		}
		return func(audit.Result) string { return "" }
	}
	files := func(r audit.Result) string {
		if r.OfFile() {
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
		if len(runs) <= runsTaken {
			return category
		}
	}
	return func(audit.Result) string { return "all" }
}

func settled(all []sarifRun, o Options) []sarifRun {
	known := map[string]bool{}
	for i := range all {
		// Two integrations of one environment are two categories.
		if id := &all[i].AutomationDetails.ID; known[*id] && all[i].Properties != nil {
			category, isCategory := strings.CutSuffix(*id, "/")
			*id = category + "/" + escapePath(all[i].Properties.Profile)
			if isCategory {
				*id += "/"
			}
		}
		known[all[i].AutomationDetails.ID] = true
		all[i].settle(o)
	}
	return all
}

// name says in each message of a run which environment it is of.
func (s *sarifRun) name(r audit.Result) {
	for i := range s.Results {
		m := &s.Results[i].Message
		m.Text = unlinked(r.Environment.Name) + ": " + m.Text
	}
	for i := range s.Invocations[0].Notifications {
		if n := &s.Invocations[0].Notifications[i]; n.AssociatedRule != nil {
			n.in = []string{r.Environment.Name}
		}
	}
}

// join adds what another run of the same profile found. What is true of one of the two
// alone, such as the outcome of a rule, is left out.
func (s *sarifRun) join(other sarifRun) {
	at := make([]int, len(other.Tool.Driver.Rules))
	for i, rule := range other.Tool.Driver.Rules {
		at[i] = slices.IndexFunc(s.Tool.Driver.Rules, func(r sarifRule) bool { return r.ID == rule.ID })
		if at[i] < 0 {
			at[i] = len(s.Tool.Driver.Rules)
			s.Tool.Driver.Rules = append(s.Tool.Driver.Rules, rule)
		}
		facts := &s.Tool.Driver.Rules[at[i]].Properties
		facts.Outcome, facts.Original, facts.Reason, facts.Notes = "", "", "", nil
	}
	for _, r := range other.Results {
		r.RuleIndex = at[r.RuleIndex]
		s.Results = append(s.Results, r)
	}
	into, from := &s.Invocations[0], other.Invocations[0]
	into.ExecutionSuccessful = into.ExecutionSuccessful && from.ExecutionSuccessful
	for _, n := range from.Notifications {
		if n.AssociatedRule != nil {
			n.AssociatedRule.Index = at[n.AssociatedRule.Index]
		}
		// What is said of several environments is said once.
		i := slices.IndexFunc(into.Notifications, func(known sarifNotification) bool {
			return len(n.in) > 0 && len(known.in) > 0 && known.AssociatedRule.Index == n.AssociatedRule.Index && known.Message.Text == n.Message.Text
		})
		if i < 0 {
			into.Notifications = append(into.Notifications, n)
			continue
		}
		into.Notifications[i].in = append(into.Notifications[i].in, n.in...)
	}
	s.Properties = nil
}

// settle brings a run that is complete within the limits of its viewer, and gives the
// archives in it their places.
func (s *sarifRun) settle(o Options) {
	if len(s.Results) > resultsKept {
		slices.SortStableFunc(s.Results, func(a, b sarifResult) int { return b.urgency - a.urgency })
	}
	notes := &s.Invocations[0].Notifications
	for i := range *notes {
		(*notes)[i].placed()
	}
	if o.SARIFProfile != GitHubCodeScanning {
		s.Artifacts = nest(s.Results)
		return
	}
	if len(s.Results) <= resultsKept {
		return
	}
	left := map[audit.Severity]int{}
	for _, r := range s.Results[resultsKept:] {
		left[max(audit.Severity(r.urgency), audit.SeverityInvalid)]++
	}
	said := fmt.Sprintf("%s left out, the least severe ones (%s), because GitHub keeps %d of a run; -f json has all",
		count(len(s.Results)-resultsKept, "result"), severities(left), resultsKept)
	s.Results = s.Results[:resultsKept]
	*notes = append(*notes, sarifNotification{Level: "warning", Message: sarifText{Text: said + "."}})
	if o.Warn != nil {
		o.Warn("the run " + s.AutomationDetails.ID + ": " + said)
	}
}

// placed says in a notification's text which environments it is of.
func (n *sarifNotification) placed() {
	switch len(n.in) {
	case 0:
	case 1:
		n.Message.Text = unlinked(n.in[0]) + ": " + n.Message.Text
	default:
		n.Message.Text += unlinked(fmt.Sprintf(" In %s: %s.", count(len(n.in), "environment"), text.Listed(n.in, 3)))
	}
}

// nest gives every archive and every entry of one that a result refers to an index,
// and the list that the indexes are into. GitHub, which knows no files within files, is
// not shown them: the message names the place as well.
func nest(results []sarifResult) []sarifFile {
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
