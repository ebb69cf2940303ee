package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// A fact is a labeled value.
type fact struct {
	Name, Value string
	URL         string // the target, if the value is a link
	Code        bool   // whether the value is for the API rather than for people
}

// resultFacts lists what was judged, by which profile, and when, for people.
func resultFacts(r audit.Result) []fact {
	env, profile, controls, coverage := r.Environment, r.Profile, "", ""
	if s := r.Summary; r.Unread == nil {
		controls = fmt.Sprintf("%d pass, %d fail, %d unknown, %d not applicable, %d waived", s.Pass, s.Fail, s.Unknown, s.NotApplicable, s.Waived)
		coverage = coverageText(s)
	}
	list := []fact{
		{Name: capitalize(r.Kind()), Value: env.Name},
		{Name: "Address", Value: env.URL, URL: env.URL},
		{Name: "Organization", Value: joinNonBlank(" ", env.OrganizationName, env.OrganizationID), Code: true},
		{Name: "Profile", Value: joinNonBlank(": ", profile.Name, profile.Title)},
		{Name: "Version", Value: profileVersion(profile)},
		{Name: "Source", Value: cmp.Or(profile.Source.Title, profile.Source.URL), URL: profile.Source.URL},
		{Name: "Controls", Value: controls},
		{Name: "Coverage", Value: coverage},
		{Name: "Baseline", Value: tallyOf(r).baselineText()},
		{Name: "Snapshot", Value: snapshotTime(r.Snapshot)},
		{Name: "Digest", Value: r.Snapshot.Digest, Code: true},
		{Name: "Evaluated", Value: formatTime(r.EvaluatedAt) + " by " + r.Tool.Name + " " + r.Tool.Version},
	}
	for i := range list {
		if !text.IsWebURL(list[i].URL) {
			list[i].URL = ""
		}
	}
	return slices.DeleteFunc(list, func(f fact) bool { return f.Value == "" })
}

// profileVersion returns the edition of a profile, and the day of its last comparison with its source.
func profileVersion(p audit.Profile) string {
	compared := ""
	if p.Source.Compared != "" {
		compared = "compared with its source on " + p.Source.Compared
	}
	return text.Line(joinNonBlank(", ", p.Edition(), compared))
}

// snapshotTime says when a snapshot was taken. It is empty for a file, which has no time.
func snapshotTime(s audit.Snapshot) string {
	return formatTimeOr(s.TakenAt, "taken 2006-01-02 15:04:05 UTC", "")
}

// percent returns the coverage rounded down, so that only full coverage is 100 %.
func percent(s audit.Summary) string { return strconv.Itoa(int(s.Coverage*100+1e-9)) + " %" }

func coverageText(s audit.Summary) string {
	n := s.Pass + s.Fail + s.Waived
	return fmt.Sprintf("%s, %d of %s", percent(s), n, applicableControls(n+s.Unknown))
}

func applicableControls(n int) string {
	if n == 1 {
		return "1 control that applies"
	}
	return text.Count(n, "control") + " that apply"
}

// evidenceFacts lists the evidence of a finding by name, after what every privilege finding has.
func evidenceFacts(e audit.Evidence) []fact {
	first := []string{"actual_depth", "required_depth", "state", "privilege"} // in reverse order
	var list []fact
	for _, k := range slices.SortedFunc(maps.Keys(e), func(a, b string) int {
		return cmp.Or(slices.Index(first, b)-slices.Index(first, a), strings.Compare(a, b))
	}) {
		list = append(list, fact{Name: text.Line(k), Value: text.Line(formatValue(e[k]))})
	}
	return list
}

// readableEvidence lists the evidence of a finding in the portal's words, for people.
func readableEvidence(e audit.Evidence) []fact {
	list := evidenceFacts(e)
	for i, f := range list {
		switch f.Name {
		case "required_depth", "actual_depth":
			list[i] = fact{Name: capitalize(strings.TrimSuffix(f.Name, "_depth")) + " access level", Value: shortName(audit.LevelOf(f.Value))}
		case "state":
			list[i] = fact{Name: "State", Value: stateText(f.Value, e.Text("privilege") != "")}
		default:
			list[i].Name = capitalize(strings.ReplaceAll(f.Name, "_", " "))
			list[i].Code = strings.HasPrefix(f.Value, "prv")
		}
	}
	return list
}

// stateText puts the state of a privilege or a view into words. Other states are unchanged.
func stateText(state string, privilege bool) string {
	if state == "missing" && privilege {
		return "not granted"
	}
	return cmp.Or(map[string]string{
		"shallow":     "granted at too low an access level",
		"filtered":    "granted for some records only",
		"undefined":   "not defined by the environment",
		"not-shared":  "not shared with the user",
		"not-visible": "not visible to dbaudit: it does not exist, or is not shared",
	}[state], state)
}

// levelText returns a depth of the evidence as the portal's access level.
func levelText(e audit.Evidence, key string) string {
	return shortName(text.Line(audit.LevelOf(e.Text(key))))
}

// formatValue returns a JSON value for people: lists without brackets, strings without quotes.
func formatValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = formatValue(e)
		}
		return strings.Join(parts, ", ")
	}
	document, err := text.EncodeJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(string(document), "\n")
}
