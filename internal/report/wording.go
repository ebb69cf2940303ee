package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// whyOf is what a control is for; in older results, the consequence that its rule names.
func whyOf(c audit.Control, rule audit.Rule) string { return cmp.Or(c.Why, rule.Consequence) }

func pageURL(c audit.Control) string {
	return audit.HelpURL(audit.ControlID(escapePath(string(c.ID))))
}

func citationText(c *audit.Citation) string {
	if c == nil {
		return ""
	}
	return visible(joinNonBlank(": ", c.Tab, c.Line))
}

func subjectText(s audit.Subject) string {
	name := cmp.Or(s.Name, s.ID)
	text := strings.ReplaceAll(s.Kind.String(), "-", " ")
	if name != "" {
		text += ` "` + visible(name) + `"`
	}
	if s.Table != "" {
		text += " of " + visible(s.Table)
	}
	return text
}

// depthGap is what a privilege finding compares, such as "needs Organization, has None"; empty if its
// message says so.
func depthGap(f audit.Finding) string {
	required, actual := f.Evidence.Text("required_depth"), f.Evidence.Text("actual_depth")
	if required == "" || strings.Contains(f.Message, audit.LevelOf(required)) || f.Evidence.Text("state") == "undefined" {
		return ""
	}
	if actual != "" {
		actual = ", has " + levelText(f.Evidence, "actual_depth")
	}
	return "needs " + levelText(f.Evidence, "required_depth") + actual
}

// messageWithGap is the message of a finding with what it compares.
func messageWithGap(f audit.Finding) string {
	if g := depthGap(f); g != "" {
		return f.Message + " (" + g + ")"
	}
	return f.Message
}

// levelText is a depth in the evidence as the portal's access level.
func levelText(e audit.Evidence, key string) string {
	return shortName(visible(audit.LevelOf(e.Text(key))))
}

type fact struct {
	Name, Value string
	URL         string // where the value leads, if it is a link
	Code        bool   // whether it is for the API rather than for people
}

// evidenceFacts lists the evidence: first what every privilege finding has, then the rest by name.
func evidenceFacts(e audit.Evidence) []fact {
	lead := []string{"actual_depth", "required_depth", "state", "privilege"}
	var out []fact
	for _, k := range slices.SortedFunc(maps.Keys(e), func(a, b string) int {
		return cmp.Or(slices.Index(lead, b)-slices.Index(lead, a), strings.Compare(a, b))
	}) {
		out = append(out, fact{Name: visible(k), Value: visible(formatValue(e[k]))})
	}
	return out
}

// readableEvidence is the evidence in the portal's words, for documents that people read.
func readableEvidence(e audit.Evidence) []fact {
	list := evidenceFacts(e)
	for i, d := range list {
		switch d.Name {
		case "required_depth", "actual_depth":
			list[i] = fact{Name: capitalize(strings.TrimSuffix(d.Name, "_depth")) + " access level", Value: shortName(audit.LevelOf(d.Value))}
		case "state":
			list[i] = fact{Name: "State", Value: stateText(d.Value, e.Text("privilege") != "")}
		default:
			list[i].Name = capitalize(strings.ReplaceAll(d.Name, "_", " "))
			list[i].Code = strings.HasPrefix(d.Value, "prv")
		}
	}
	return list
}

// stateText is the state of a privilege or a view in words; other states are unchanged.
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

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + s[n:]
}

// sentenceCase begins a sentence with a capital letter, unless its first word is a name.
func sentenceCase(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLower(r) }) {
		return s
	}
	return capitalize(s)
}

// A textPart is a part of a text; one with an address is a link.
type textPart struct{ Text, URL string }

// splitAtLinks are the parts of a step. Only the addresses of the portals and of the environment are
// links.
func splitAtLinks(step string, env audit.Environment) []textPart {
	const mark = "\x00" // no visible text has it
	marked := []string{}
	for _, address := range []string{"https://admin.powerplatform.microsoft.com", "https://make.powerapps.com", visible(env.URL)} {
		if text.IsWebURL(address) {
			marked = append(marked, address, mark+address+mark)
		}
	}
	var list []textPart
	for i, part := range strings.Split(strings.NewReplacer(marked...).Replace(visible(step)), mark) {
		switch {
		case i%2 == 1:
			list = append(list, textPart{strings.TrimPrefix(part, "https://"), part})
		case part != "":
			list = append(list, textPart{Text: part})
		}
	}
	return list
}

// formatValue is a JSON value for people.
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

// formatTime is a time as every format for people shows it.
func formatTime(t time.Time) string { return formatTimeOr(t, "2006-01-02 15:04:05 UTC", "unknown") }

// formatDate is a day as lists show it.
func formatDate(t time.Time) string { return formatTimeOr(t, time.DateOnly, "unknown") }

// formatTimestamp is a time for programs; empty for none, such as that of a file.
func formatTimestamp(t time.Time) string { return formatTimeOr(t, time.RFC3339, "") }

func formatTimeOr(t time.Time, layout, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(layout)
}

// profileVersion is the profile's edition, and the day of the last comparison with its source.
func profileVersion(p audit.Profile) string {
	compared := ""
	if p.Source.Compared != "" {
		compared = "compared with its source on " + p.Source.Compared
	}
	return visible(joinNonBlank(", ", p.Edition(), compared))
}

// unreadText says what could not be read and why, without the place in the file.
func unreadText(r audit.Result) string {
	what := "the file"
	if !r.IsFile() {
		what = "the environment " + visible(r.Environment.Name)
	}
	return what + " could not be read: " + visible(r.Unread.Message)
}

// locationText is a place in a file; empty for nil.
func locationText(l *audit.Location) string {
	if l == nil {
		return ""
	}
	return visible(fileAndLine(l.Path, l.Line))
}

// snapshotTime says when the snapshot was taken; empty for a file.
func snapshotTime(s audit.Snapshot) string {
	return formatTimeOr(s.TakenAt, "taken 2006-01-02 15:04:05 UTC", "")
}

// percent is the coverage, rounded down so that 100 % means all.
func percent(s audit.Summary) string {
	return strconv.Itoa(int(s.Coverage*100+1e-9)) + " %"
}

func coverageText(s audit.Summary) string {
	n := s.Pass + s.Fail + s.Waived
	return fmt.Sprintf("%s, %d of %s", percent(s), n, applicableControls(n+s.Unknown))
}

func applicableControls(n int) string {
	if n == 1 {
		return "1 control that applies"
	}
	return count(n, "control") + " that apply"
}

// resultFacts is what was judged, against what, and when, for documents that people read.
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

func waiverText(w *audit.Waiver) string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("fails, waived (%s) by %s until %s: %s", w.Kind, w.Owner, w.Expires, w.Reason)
}

// joinNonBlank puts a separator between the parts that are not blank.
func joinNonBlank(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" }), sep)
}

// Short names for what package text does.

func visible(s string) string            { return text.Line(s) }
func md(s string) string                 { return text.Markdown(s) }
func shorten(s string, width int) string { return text.Shorten(s, width) }
func columns(s string) int               { return text.Width(s) }
func count(n int, noun string) string    { return text.Count(n, noun) }

// shortName is a name, cut if space is limited.
func shortName(s string) string { return text.ShortenMiddle(s, nameWidth) }

func visibleAll(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, visible(s))
	}
	return out
}
