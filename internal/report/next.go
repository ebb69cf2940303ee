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

// A step is something to do next.
type step struct {
	Text     string   // a sentence
	Commands []string // the commands that do it
}

// nextSteps says what to do next, most urgent first: about the most severe finding, about all
// findings, and about controls that could not be evaluated.
func nextSteps(r audit.Result, o Options) []step {
	place := o.place(r)
	doctor := []string{"dbaudit doctor" + place.Arguments()}
	switch {
	case r.Unread != nil && !r.IsFile():
		return []step{{"Do what the message says; dbaudit doctor checks each step separately.", doctor}}
	case r.Unread != nil && r.Unread.Location == nil:
		return []step{{"Correct the path, or collect the snapshot again.", nil}}
	case r.Unread != nil:
		return []step{{"Correct the path or the file, or leave it out with dbaudit lint --exclude.", nil}}
	}
	var steps []step
	t := tallyOf(r)
	if c, f := mostSevereFinding(r); f != nil {
		worst := step{Text: fmt.Sprintf("%s (%s): %s", c.ID, c.Severity, advice(*f, c, o))}
		if t.open > 1 || t.fixable == 0 {
			worst.Commands = planCommands(*f, c, place)
		}
		steps = append(steps, worst)
	}
	plan := []string{"dbaudit plan" + place.Arguments() + " -o plan.json", "dbaudit apply plan.json" + change.Place{Flags: place.ApplyFlags}.Arguments()}
	findings := text.Count(t.open, "finding")
	switch others := t.open - t.fixable; {
	case r.IsFile() && t.fixableLines > 0:
		steps = append(steps, step{fmt.Sprintf("dbaudit lint --fix can write the %s that the role lacks into its file.", text.Count(t.fixableLines, "line")), nil})
	case r.IsFile(), t.fixable == 0: // there is nothing to plan
	case t.open == 1:
		steps = append(steps, step{"Prepare fixes for the finding, review them, and apply them.", plan})
	case others == 0:
		steps = append(steps, step{"Prepare fixes for all " + findings + ", review them, and apply them.", plan})
	default:
		need := fmt.Sprintf("%d need", others)
		if others == 1 {
			need = "one needs"
		}
		prepare := fmt.Sprintf("Prepare fixes for %d of the %s, review them, and apply them", t.fixable, findings)
		steps = append(steps, step{fmt.Sprintf("%s; the other %s %s.", prepare, need, t.otherMeans()), plan})
	}
	if r.Summary.Unknown > 0 {
		steps = append(steps, step{"See what the auditor's sign-in cannot read, so that what is unknown can be judged.", doctor})
	}
	return steps
}

// planCommands returns the commands that plan the fix of a single finding.
func planCommands(f audit.Finding, c audit.Control, place change.Place) []string {
	if f.Fix == nil {
		return nil
	}
	place.Control = c.ID
	return slices.DeleteFunc(change.RemedyFor(*f.Fix, place).Commands, func(command string) bool {
		return !strings.HasPrefix(command, "dbaudit plan ")
	})
}

// shortenName shortens a name so that it fits next to others on a terminal. Elsewhere, it shortens
// only excessive names.
func (o Options) shortenName(s string) string {
	if o.Width > 0 {
		return shortName(s)
	}
	return text.ShortenMiddle(s, textWidth)
}

// advice says in a sentence what to do about a finding. For a finding without a fix, that is the
// remediation of the rule.
func advice(f audit.Finding, c audit.Control, o Options) string {
	if f.Fix != nil {
		return text.Line(change.Summary(shortenNames(*f.Fix, o)))
	}
	if remediation := o.Rules[c.Rule].Remediation; remediation != "" {
		return text.Shorten(text.Line(remediation), 2*textWidth)
	}
	return "See " + pageURL(c) + "."
}

func shortenNames(f audit.Fix, o Options) audit.Fix {
	type fix audit.Fix // because rewriteStrings does not escape the strings of an audit.Fix
	rewriteStrings(reflect.ValueOf((*fix)(&f)).Elem(), func(s string) string { return o.shortenName(text.Line(s)) }, validUTF8)
	return f
}

// place returns where the controls of a result were judged. Its flags are the same for all findings.
func (o Options) place(r audit.Result) change.Place {
	p := change.Place{Environment: r.Environment, Profile: r.Profile.Name}
	p.Environment.OrganizationName = o.shortenName(text.Line(p.Environment.OrganizationName))
	if o.TargetFlags != nil {
		p.Flags = o.TargetFlags(r)
	}
	if o.ApplyFlags != nil {
		p.ApplyFlags = o.ApplyFlags(r)
	}
	return p
}
