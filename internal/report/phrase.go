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

func citation(c *audit.Citation) string {
	if c == nil {
		return ""
	}
	return visible(join(": ", c.Tab, c.Line))
}

func subject(s audit.Subject) string {
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

// gap is what a privilege finding compares, such as "needs Organization, has None"; empty if its
// message says so.
func gap(f audit.Finding) string {
	required, actual := f.Evidence.Text("required_depth"), f.Evidence.Text("actual_depth")
	if required == "" || strings.Contains(f.Message, audit.Level(required)) || f.Evidence.Text("state") == "undefined" {
		return ""
	}
	if actual != "" {
		actual = ", has " + depthOf(f.Evidence, "actual_depth")
	}
	return "needs " + depthOf(f.Evidence, "required_depth") + actual
}

// withGap is the message of a finding with what it compares.
func withGap(f audit.Finding) string {
	if g := gap(f); g != "" {
		return f.Message + " (" + g + ")"
	}
	return f.Message
}

// depthOf is a depth in the evidence as the portal's access level.
func depthOf(e audit.Evidence, key string) string {
	return name(visible(audit.Level(e.Text(key))))
}

type datum struct {
	Name, Value string
	URL         string // where the value leads, if it is a link
	Code        bool   // whether it is for the API rather than for people
}

// evidence lists the evidence: first what every privilege finding has, then the rest by name.
func evidence(e audit.Evidence) []datum {
	lead := []string{"actual_depth", "required_depth", "state", "privilege"}
	var out []datum
	for _, k := range slices.SortedFunc(maps.Keys(e), func(a, b string) int {
		return cmp.Or(slices.Index(lead, b)-slices.Index(lead, a), strings.Compare(a, b))
	}) {
		out = append(out, datum{Name: visible(k), Value: visible(plainValue(e[k]))})
	}
	return out
}

// facts is the evidence in the portal's words, for documents that people read.
func facts(e audit.Evidence) []datum {
	list := evidence(e)
	for i, d := range list {
		switch d.Name {
		case "required_depth", "actual_depth":
			list[i] = datum{Name: capital(strings.TrimSuffix(d.Name, "_depth")) + " access level", Value: name(audit.Level(d.Value))}
		case "state":
			list[i] = datum{Name: "State", Value: stateWords(d.Value, e.Text("privilege") != "")}
		default:
			list[i].Name = capital(strings.ReplaceAll(d.Name, "_", " "))
			list[i].Code = strings.HasPrefix(d.Value, "prv")
		}
	}
	return list
}

// stateWords is the state of a privilege or a view in words; other states are unchanged.
func stateWords(state string, privilege bool) string {
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

func capital(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + s[n:]
}

// beginning begins a sentence with a capital letter, unless its first word is a name.
func beginning(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLower(r) }) {
		return s
	}
	return capital(s)
}

// A piece is a part of a text; one with an address is a link.
type piece struct{ Text, URL string }

// pieces are the parts of a step. Only the addresses of the portals and of the environment are
// links.
func pieces(step string, env audit.Environment) []piece {
	const mark = "\x00" // no visible text has it
	marked := []string{}
	for _, address := range []string{"https://admin.powerplatform.microsoft.com", "https://make.powerapps.com", visible(env.URL)} {
		if text.IsWebURL(address) {
			marked = append(marked, address, mark+address+mark)
		}
	}
	var list []piece
	for i, part := range strings.Split(strings.NewReplacer(marked...).Replace(visible(step)), mark) {
		switch {
		case i%2 == 1:
			list = append(list, piece{strings.TrimPrefix(part, "https://"), part})
		case part != "":
			list = append(list, piece{Text: part})
		}
	}
	return list
}

// plainValue is a JSON value for people.
func plainValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = plainValue(e)
		}
		return strings.Join(parts, ", ")
	}
	document, err := text.EncodeJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(string(document), "\n")
}

// moment is a time as every format for people shows it.
func moment(t time.Time) string { return stamp(t, "2006-01-02 15:04:05 UTC", "unknown") }

// date is a day as lists show it.
func date(t time.Time) string { return stamp(t, time.DateOnly, "unknown") }

// timestamp is a time for programs; empty for none, such as that of a file.
func timestamp(t time.Time) string { return stamp(t, time.RFC3339, "") }

func stamp(t time.Time, layout, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(layout)
}

// version is the profile's edition, and the day of the last comparison with its source.
func version(p audit.Profile) string {
	compared := ""
	if p.Source.Compared != "" {
		compared = "compared with its source on " + p.Source.Compared
	}
	return visible(join(", ", p.Edition(), compared))
}

// unreadText says what could not be read and why, without the place in the file.
func unreadText(r audit.Result) string {
	what := "the file"
	if !r.OfFile() {
		what = "the environment " + visible(r.Environment.Name)
	}
	return what + " could not be read: " + visible(r.Unread.Message)
}

// placeOf is a place in a file; empty for nil.
func placeOf(l *audit.Location) string {
	if l == nil {
		return ""
	}
	return visible(lineOf(l.Path, l.Line))
}

// taken says when the snapshot was taken; empty for a file.
func taken(s audit.Snapshot) string {
	return stamp(s.TakenAt, "taken 2006-01-02 15:04:05 UTC", "")
}

// percent is the coverage, rounded down so that 100 % means all.
func percent(s audit.Summary) string {
	return strconv.Itoa(int(s.Coverage*100+1e-9)) + " %"
}

func judged(s audit.Summary) string {
	n := s.Pass + s.Fail + s.Waived
	return fmt.Sprintf("%s, %d of %s", percent(s), n, applicable(n+s.Unknown))
}

func applicable(n int) string {
	if n == 1 {
		return "1 control that applies"
	}
	return count(n, "control") + " that apply"
}

// factsOf is what was judged, against what, and when, for documents that people read.
func factsOf(r audit.Result) []datum {
	env, profile, controls, coverage := r.Environment, r.Profile, "", ""
	if s := r.Summary; r.Unread == nil {
		controls = fmt.Sprintf("%d pass, %d fail, %d unknown, %d not applicable, %d waived", s.Pass, s.Fail, s.Unknown, s.NotApplicable, s.Waived)
		coverage = judged(s)
	}
	list := []datum{
		{Name: capital(r.Kind()), Value: env.Name},
		{Name: "Address", Value: env.URL, URL: env.URL},
		{Name: "Organization", Value: join(" ", env.OrganizationName, env.OrganizationID), Code: true},
		{Name: "Profile", Value: join(": ", profile.Name, profile.Title)},
		{Name: "Version", Value: version(profile)},
		{Name: "Source", Value: cmp.Or(profile.Source.Title, profile.Source.URL), URL: profile.Source.URL},
		{Name: "Controls", Value: controls},
		{Name: "Coverage", Value: coverage},
		{Name: "Baseline", Value: tallyOf(r).against()},
		{Name: "Snapshot", Value: taken(r.Snapshot)},
		{Name: "Digest", Value: r.Snapshot.Digest, Code: true},
		{Name: "Evaluated", Value: moment(r.EvaluatedAt) + " by " + r.Tool.Name + " " + r.Tool.Version},
	}
	for i := range list {
		if !text.IsWebURL(list[i].URL) {
			list[i].URL = ""
		}
	}
	return slices.DeleteFunc(list, func(f datum) bool { return f.Value == "" })
}

func waiver(w *audit.Waiver) string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("fails, waived (%s) by %s until %s: %s", w.Kind, w.Owner, w.Expires, w.Reason)
}

// join puts a separator between the parts that are not blank.
func join(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" }), sep)
}

// Short names for what package text does.

func visible(s string) string            { return text.Line(s) }
func md(s string) string                 { return text.Markdown(s) }
func shorten(s string, width int) string { return text.Shorten(s, width) }
func columns(s string) int               { return text.Width(s) }
func count(n int, noun string) string    { return text.Count(n, noun) }

// name is a name, cut if space is limited.
func name(s string) string { return text.ShortenMiddle(s, nameColumns) }

func visibleAll(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, visible(s))
	}
	return out
}
