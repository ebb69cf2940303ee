package report

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// headline is the verdict in a sentence.
func headline(r audit.Result) string {
	env := visible(r.Environment.Name)
	if u := r.Unread; u != nil {
		where := ""
		if u.Location != nil && u.Line > 0 {
			where = fmt.Sprintf(" (line %d)", u.Line)
		}
		return fmt.Sprintf("%s could not be read%s: %s", env, where, visible(u.Message))
	}
	s := r.Summary
	all := count(s.Pass+s.Fail+s.Unknown+s.NotApplicable+s.Waived, "control")
	unchecked := ""
	if r.SkipsViews() {
		unchecked = "; " + audit.ViewsUnchecked
	}
	switch {
	case s.Fail > 0:
		failed := fmt.Sprintf("%s fails %d of %s (%s)", env, s.Fail, all, severityCounts(tallyOf(r).failed))
		if s.Unknown > 0 {
			failed += fmt.Sprintf(", and %d could not be evaluated", s.Unknown)
		}
		return failed
	case s.Unknown > 0:
		return fmt.Sprintf("%s: nothing failed, but %d of %s could not be evaluated", env, s.Unknown, all)
	case s.Pass+s.Waived == 0:
		return env + ": nothing could be judged"
	case s.Waived > 0:
		return fmt.Sprintf("%s meets %s; %d waived%s", env, count(s.Pass, "control"), s.Waived, unchecked)
	}
	return fmt.Sprintf("%s meets all %s%s", env, applicableControls(s.Pass), unchecked)
}

// A step is something to do next, as a sentence, and the commands that do it.
type step struct {
	Text     string
	Commands []string
}

// nextSteps says what to do next, most urgent first: about the most severe failure, about all
// failures, about what could not be judged.
func nextSteps(r audit.Result, o Options) []step {
	switch {
	case r.Unread != nil && !r.IsFile():
		return []step{{"Do what the message says; dbaudit doctor checks each step separately.", []string{"dbaudit doctor" + o.place(r, "").Arguments()}}}
	case r.Unread != nil && r.Unread.Location == nil:
		return []step{{"Correct the path, or collect the snapshot again.", nil}}
	case r.Unread != nil:
		return []step{{"Correct the path or the file, or leave it out with dbaudit lint --exclude.", nil}}
	}
	var steps []step
	t := tallyOf(r)
	if c, f := mostSevereFinding(r); f != nil {
		alone := step{Text: fmt.Sprintf("%s (%s): %s", c.ID, c.Severity, advice(*f, c, o))}
		if t.open > 1 || t.fixable == 0 {
			alone.Commands = planCommands(*f, c, r, o)
		}
		steps = append(steps, alone)
	}
	at := o.place(r, "")
	plan := []string{"dbaudit plan" + at.Arguments() + " -o plan.json", "dbaudit apply plan.json" + change.Place{Flags: at.ApplyFlags}.Arguments()}
	found := count(t.open, "finding")
	switch by := t.open - t.fixable; {
	case r.IsFile() && t.fixableLines > 0:
		steps = append(steps, step{fmt.Sprintf("dbaudit lint --fix can write the %s that the role lacks into its file.", count(t.fixableLines, "line")), nil})
	case r.IsFile(), t.fixable == 0: // there is nothing to plan
	case t.open == 1:
		steps = append(steps, step{"Prepare fixes for the finding, review them, and apply them.", plan})
	case by == 0:
		steps = append(steps, step{"Prepare fixes for all " + found + ", review them, and apply them.", plan})
	default:
		others := fmt.Sprintf("%d need", by)
		if by == 1 {
			others = "one needs"
		}
		steps = append(steps, step{fmt.Sprintf("Prepare fixes for %d of the %s, review them, and apply them; the other %s %s.", t.fixable, found, others, t.otherMeans()), plan})
	}
	if r.Summary.Unknown > 0 {
		steps = append(steps, step{"See what the auditor's sign-in cannot read, so that what is unknown can be judged.", []string{"dbaudit doctor" + o.place(r, "").Arguments()}})
	}
	return steps
}

// mostSevereFinding is the first finding of the most severe failed control that no waiver covers, or nil.
func mostSevereFinding(r audit.Result) (audit.Control, *audit.Finding) {
	worst := r.WorstSeverity()
	for _, i := range issuesOf(r, false) {
		if i.Outcome == audit.OutcomeFail && i.Severity == worst && !i.isWaived() {
			return i.Control, i.Finding
		}
	}
	return audit.Control{}, nil
}

func planCommands(f audit.Finding, c audit.Control, r audit.Result, o Options) []string {
	if f.Fix == nil {
		return nil
	}
	return slices.DeleteFunc(change.RemedyFor(*f.Fix, o.place(r, c.ID)).Commands, func(command string) bool {
		return !strings.HasPrefix(command, "dbaudit plan ")
	})
}

// nameWidth is how much of a name is shown if space is limited.
const nameWidth = 60

// shortenName shortens a name: on a terminal to what fits next to others, else only if it is excessive.
func (o Options) shortenName(s string) string {
	if o.Width > 0 {
		return shortName(s)
	}
	return text.ShortenMiddle(s, textWidth)
}

// advice is what to do about a finding, in a sentence with shortened names; without a fix, it is
// the general advice of the rule.
func advice(f audit.Finding, c audit.Control, o Options) string {
	if f.Fix != nil {
		return visible(change.Summary(shortenNames(*f.Fix, o)))
	}
	if text := o.Rules[c.Rule].Remediation; text != "" {
		return shorten(visible(text), 2*textWidth)
	}
	return "See " + pageURL(c) + "."
}

// shortenNames returns the fix with shortened names.
func shortenNames(f audit.Fix, o Options) audit.Fix {
	type fix audit.Fix // rewrite keeps the texts of an audit.Fix
	rewriteStrings(reflect.ValueOf((*fix)(&f)).Elem(), func(s string) string { return o.shortenName(visible(s)) })
	return f
}

// place is where a control of a result was judged; all controls for "".
func (o Options) place(r audit.Result, control audit.ControlID) change.Place {
	at := change.Place{Environment: r.Environment, Profile: r.Profile.Name, Control: control}
	at.Environment.OrganizationName = o.shortenName(visible(at.Environment.OrganizationName))
	if o.TargetFlags != nil {
		at.Flags = o.TargetFlags(r)
	}
	if o.ApplyFlags != nil {
		at.ApplyFlags = o.ApplyFlags(r)
	}
	return at
}
