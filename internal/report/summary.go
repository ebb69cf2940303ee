package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// headline is the answer in a sentence. Where controls failed and others are
// unknown it says both.
func headline(r audit.Result) string {
	if u := r.Unread; u != nil {
		where := ""
		if u.Location != nil && u.Line > 0 {
			where = fmt.Sprintf(" (line %d)", u.Line)
		}
		return fmt.Sprintf("%s could not be read%s: %s", visible(r.Environment.Name), where, visible(u.Message))
	}
	s := r.Summary
	total := s.Pass + s.Fail + s.Unknown + s.NotApplicable + s.Waived
	env := visible(r.Environment.Name)
	unknown := ""
	if s.Unknown > 0 {
		unknown = fmt.Sprintf("%d could not be evaluated", s.Unknown)
	}
	unchecked := ""
	if r.LeavesViewsOut() {
		unchecked = "; " + audit.ViewsUnchecked
	}
	switch {
	case s.Fail > 0 && unknown != "":
		return fmt.Sprintf("%s fails %d of %s (%s), and %s", env, s.Fail, count(total, "control"), bySeverity(r), unknown)
	case s.Fail > 0:
		return fmt.Sprintf("%s fails %d of %s (%s)", env, s.Fail, count(total, "control"), bySeverity(r))
	case unknown != "":
		return fmt.Sprintf("%s: nothing failed, but %s of %s", env, unknown, count(total, "control"))
	case s.Pass+s.Waived == 0:
		return env + ": nothing could be judged"
	case s.Waived > 0:
		return fmt.Sprintf("%s meets %s; %d waived%s", env, count(s.Pass, "control"), s.Waived, unchecked)
	}
	return fmt.Sprintf("%s meets all %s that apply%s", env, count(s.Pass, "control"), unchecked)
}

// verdictWords is the verdict with what it leaves out.
func verdictWords(r audit.Result) string {
	if r.Verdict == audit.VerdictCompliant && r.LeavesViewsOut() {
		return r.Verdict.String() + ", views not checked"
	}
	return r.Verdict.String()
}

// bySeverity counts the failed controls, gravest first: "8 high, 2 medium, 1 low".
func bySeverity(r audit.Result) string {
	failed := map[audit.Severity]int{}
	for _, c := range r.Controls {
		if c.Outcome == audit.OutcomeFail {
			failed[c.Severity]++
		}
	}
	var parts []string
	for _, severity := range slices.Backward(audit.Severities()) {
		if n := failed[severity]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	return strings.Join(parts, ", ")
}

// A step is something to do next, in a sentence, and the commands that do it.
type step struct {
	Text     string
	Commands []string
}

// Sentence is the step's text as it begins an item of a list.
func (s step) Sentence() string { return beginning(s.Text) }

// nextSteps says what to do next, most urgent first: what failed gravest, all that
// failed, what could not be judged.
func nextSteps(r audit.Result, o Options) []step {
	switch {
	case r.Unread != nil && !ofFile(r):
		return []step{{"do what the message says; dbaudit doctor tries each step by itself", []string{"dbaudit doctor" + o.place(r, "").Arguments()}}}
	case r.Unread != nil && r.Unread.Location == nil:
		return []step{{"correct the path, or collect the snapshot again", nil}}
	case r.Unread != nil:
		return []step{{"correct the path or the file, or leave it out by dbaudit lint --exclude", nil}}
	}
	var steps []step
	worst := r.Worst()
	automatic, live, lines := 0, 0, 0
	var first *audit.Finding
	var firstOf audit.Control
	for _, c := range r.Controls {
		if c.Outcome != audit.OutcomeFail {
			continue
		}
		for i := range c.Findings {
			f := &c.Findings[i]
			if f.Waiver != nil {
				continue
			}
			live++
			if f.Fix != nil && change.Automatic(f.Fix.Kind) {
				automatic++
			}
			if f.Location != nil && !strings.Contains(f.Location.Path, "!/") && f.Evidence.Text("state") == "missing" && f.Fix != nil && f.Fix.Kind == change.AddPrivilege {
				lines++
			}
			if first == nil && c.Severity == worst {
				first, firstOf = f, c
			}
		}
	}
	if first != nil {
		alone := step{Text: fmt.Sprintf("%s (%s): %s", visible(string(firstOf.ID)), firstOf.Severity, advice(*first, firstOf, o))}
		if live > 1 {
			alone.Commands = planCommands(*first, firstOf, r, o)
		}
		steps = append(steps, alone)
	}
	plan := []string{"dbaudit plan" + o.place(r, "").Arguments() + " -o plan.json", "dbaudit apply plan.json"}
	switch {
	case ofFile(r):
		// Nothing can be applied to it.
		if lines > 0 {
			steps = append(steps, step{fmt.Sprintf("dbaudit lint --fix can write the %s that the role lacks into its file", count(lines, "line")), nil})
		}
	case automatic > 0 && automatic == live:
		steps = append(steps, step{fmt.Sprintf("prepare fixes for %s, review them, and apply them", all(live, "finding")), plan})
	case automatic > 0:
		steps = append(steps, step{fmt.Sprintf("prepare fixes for %d of the %s, review them, and apply them; %s", automatic, count(live, "finding"), byHand(live-automatic)), plan})
	}
	if r.Summary.Unknown > 0 {
		steps = append(steps, step{"see what the auditor's sign-in cannot read, so that what is unknown can be judged", []string{"dbaudit doctor" + o.place(r, "").Arguments()}})
	}
	return steps
}

// planCommands are the commands that plan the fix of one control's finding.
func planCommands(f audit.Finding, c audit.Control, r audit.Result, o Options) []string {
	if f.Fix == nil {
		return nil
	}
	return slices.DeleteFunc(change.For(*f.Fix, o.place(r, c.ID)).Commands, func(command string) bool {
		return !strings.HasPrefix(command, "dbaudit plan ")
	})
}

// byHand is what no plan does.
func byHand(n int) string {
	if n == 1 {
		return "the other one needs manual steps"
	}
	return fmt.Sprintf("the other %d need manual steps", n)
}

func all(n int, noun string) string {
	if n == 1 {
		return "the " + noun
	}
	return "all " + count(n, noun)
}

// nameColumns is how much of a name is shown if space is limited.
const nameColumns = 60

// name is as much of a name as is shown: on a terminal what fits beside others.
func (o Options) name(s string) string {
	if o.Width > 0 {
		return name(s)
	}
	return text.Name(s, textColumns)
}

// advice is what to do about a finding, in a sentence with names cut short; where the
// rule proposes no change, what it says of all its findings.
func advice(f audit.Finding, c audit.Control, o Options) string {
	if f.Fix != nil {
		return visible(change.Summary(shortNames(*f.Fix, o)))
	}
	if text := o.Rules[c.Rule].Remediation; text != "" {
		return shorten(visible(text), 2*textColumns)
	}
	return "See " + audit.HelpURL(audit.ControlID(escapePath(string(c.ID)))) + "."
}

// shortNames returns the fix with its names cut to what fits into a sentence on a
// terminal. Elsewhere only what nobody would call a name is cut.
func shortNames(f audit.Fix, o Options) audit.Fix {
	name := o.name
	short := func(r *audit.Reference) *audit.Reference {
		if r == nil {
			return nil
		}
		c := *r
		c.Name = name(visible(c.Name))
		return &c
	}
	f.Role, f.User, f.Team = short(f.Role), short(f.User), short(f.Team)
	f.View, f.Owner, f.BusinessUnit = short(f.View), short(f.Owner), short(f.BusinessUnit)
	f.Table = name(visible(f.Table))
	f.ApplicationID = name(visible(f.ApplicationID))
	f.Principals = slices.Clone(f.Principals)
	for i := range f.Principals {
		f.Principals[i].Name = name(visible(f.Principals[i].Name))
	}
	f.Privileges = slices.Clone(f.Privileges)
	for i := range f.Privileges {
		f.Privileges[i].Name = name(visible(f.Privileges[i].Name))
	}
	return f
}

// place is where a control of a result was judged; all controls for "".
func (o Options) place(r audit.Result, control audit.ControlID) change.Place {
	at := change.Place{Environment: r.Environment, Profile: r.Profile.Name, Control: control}
	at.Environment.OrganizationName = o.name(visible(at.Environment.OrganizationName))
	if o.Asked != nil {
		at.Flags = o.Asked(r)
	}
	return at
}

// whyOf is what a control is for; where the result does not say so, what breaks without
// what its rule asks for.
func whyOf(c audit.Control, rule audit.Rule) string { return cmp.Or(c.Why, rule.Consequence) }

// citation is the line of the vendor's document as one text.
func citation(c *audit.Citation) string {
	if c == nil {
		return ""
	}
	if c.Tab == "" {
		return visible(c.Line)
	}
	return visible(c.Tab + ": " + c.Line)
}

// subject is the object of a finding as one text.
func subject(s audit.Subject) string {
	name := s.Name
	if name == "" {
		name = s.ID
	}
	text := strings.ReplaceAll(s.Kind.String(), "-", " ")
	if name != "" {
		text += ` "` + visible(name) + `"`
	}
	if s.Table != "" {
		text += " of " + visible(s.Table)
	}
	return text
}

// gap is what a privilege finding compares, such as "needs Organization, has None", where
// its message does not say so itself.
func gap(f audit.Finding) string {
	required, actual := f.Evidence.Text("required_depth"), f.Evidence.Text("actual_depth")
	if required == "" || strings.Contains(f.Message, audit.Level(required)) || f.Evidence.Text("state") == "undefined" {
		return ""
	}
	if actual == "" {
		return "needs " + depthOf(f.Evidence, "required_depth")
	}
	return "needs " + depthOf(f.Evidence, "required_depth") + ", has " + depthOf(f.Evidence, "actual_depth")
}

// depthOf is a depth of the evidence as the portal's access level.
func depthOf(e audit.Evidence, key string) string {
	return name(visible(audit.Level(e.Text(key))))
}

// A datum is one piece of evidence as text.
type datum struct{ Name, Value string }

// evidence lists what was read and compared: the names every privilege finding has
// first, then the others by name, because a map has no order of its own.
func evidence(e audit.Evidence) []datum {
	lead := []string{"privilege", "state", "required_depth", "actual_depth"}
	var rest []string
	for k := range e {
		if !slices.Contains(lead, k) {
			rest = append(rest, k)
		}
	}
	slices.Sort(rest)
	var out []datum
	for _, k := range append(lead, rest...) {
		v, ok := e[k]
		if !ok {
			continue
		}
		out = append(out, datum{visible(k), visible(plainValue(v))})
	}
	return out
}

// facts is the evidence in the portal's words, for documents that people read.
func facts(e audit.Evidence) []datum {
	list := evidence(e)
	for i, d := range list {
		switch d.Name {
		case "required_depth", "actual_depth":
			list[i] = datum{capital(strings.TrimSuffix(d.Name, "_depth")) + " access level", name(audit.Level(d.Value))}
		default:
			list[i].Name = capital(strings.ReplaceAll(d.Name, "_", " "))
		}
	}
	return list
}

// capital begins a text with a capital letter.
func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if n == 0 || first == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(first)) + s[n:]
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

// pieces are the parts of a step: the addresses of the portals and of the environment are
// links, and nothing else of what names in it may hold.
func pieces(step string, env audit.Environment) []piece {
	step = visible(step)
	addresses := []string{"https://admin.powerplatform.microsoft.com", "https://make.powerapps.com"}
	if isWeb(env.URL) {
		addresses = append(addresses, visible(env.URL))
	}
	var list []piece
	for step != "" {
		at, address := len(step), ""
		for _, a := range addresses {
			if i := strings.Index(step, a); i >= 0 && i < at {
				at, address = i, a
			}
		}
		if at > 0 {
			list = append(list, piece{Text: step[:at]})
		}
		if address != "" {
			list = append(list, piece{address, address})
		}
		step = step[at+len(address):]
	}
	return list
}

// plainValue writes a value of JSON the way a person would.
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
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// moment is a time as every format for people shows it.
func moment(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// version is the profile's edition, and the day on which it was last compared with its
// source.
func version(p audit.Profile) string {
	if p.Source.Compared == "" {
		return p.Edition()
	}
	return join(", ", p.Edition(), "compared with its source on "+p.Source.Compared)
}

// ofFile reports whether a file was judged, and no environment.
func ofFile(r audit.Result) bool { return r.Environment.URL == "" }

// kindOf is what a result is of, in a word.
func kindOf(r audit.Result) string {
	if ofFile(r) {
		return "file"
	}
	return "environment"
}

// unreadText says what could not be read and why, beside a file's place.
func unreadText(r audit.Result) string {
	if ofFile(r) {
		return "the file could not be read: " + visible(r.Unread.Message)
	}
	return "the environment " + visible(r.Environment.Name) + " could not be read: " + visible(r.Unread.Message)
}

// placeOf is a place in a file as one text; empty for none.
func placeOf(l *audit.Location) string {
	if l == nil {
		return ""
	}
	return visible(lineOf(l.Path, l.Line))
}

// taken says when the snapshot was taken; nothing where a file was judged, which is
// of no time.
func taken(s audit.Snapshot) string {
	if s.TakenAt.IsZero() {
		return ""
	}
	return "taken " + moment(s.TakenAt)
}

// timestamp is a time for programs; empty for none, such as that of a file.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// percent is the coverage, rounded down so that 100 % is never said of less.
func percent(s audit.Summary) string {
	return strconv.Itoa(int(s.Coverage*100+1e-9)) + " %"
}

// judged says what the coverage counts.
func judged(s audit.Summary) string {
	n := s.Pass + s.Fail + s.Waived
	return fmt.Sprintf("%s, %d of %s that apply", percent(s), n, count(n+s.Unknown, "control"))
}

// waiver is an acceptance as one text.
func waiver(w *audit.Waiver) string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("fails, waived (%s) by %s until %s: %s", visible(w.Kind), visible(w.Owner), visible(w.Expires), visible(w.Reason))
}

// outcomeOf is a control's outcome in words, with the one that it had before a
// waiver.
func outcomeOf(c audit.Control) string {
	if c.Original == nil {
		return outcomeWords(c.Outcome)
	}
	return outcomeWords(c.Outcome) + " (" + outcomeWords(*c.Original) + ")"
}

// outcomeWords is an outcome in words.
func outcomeWords(o audit.Outcome) string {
	return strings.ReplaceAll(o.String(), "_", " ")
}

// rowsOf is what an overview of several results has a row for.
func rowsOf(rs []audit.Result) string {
	files, roles, environments := 0, 0, 0
	profiles, several := map[string]string{}, false // by the environment's address
	for _, r := range rs {
		switch {
		case !ofFile(r):
			environments++
			if other, known := profiles[r.Environment.URL]; known && other != r.Profile.Name {
				several = true
			}
			profiles[r.Environment.URL] = r.Profile.Name
		case r.Unread != nil:
			files++
		default:
			roles++
		}
	}
	switch len(rs) {
	case environments:
		if several {
			return "integration"
		}
		return "environment"
	case files:
		return "file"
	case roles:
		return "role"
	}
	return "result"
}
