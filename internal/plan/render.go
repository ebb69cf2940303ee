package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Text returns the plan for people, grouped by what is changed.
func (p Plan) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Plan for %s (%s), profile %s\n", text.Line(p.Environment.Name), text.Line(p.Environment.URL), text.Line(p.Profile))
	fmt.Fprintf(&b, "based on the state of %s, valid until %s\n", formatTime(p.Snapshot.TakenAt), formatTime(p.ExpiresAt))
	fmt.Fprintf(&b, "digest %s\n", p.Digest)
	for _, g := range p.groups() {
		fmt.Fprintf(&b, "\n%s\n", text.Line(g.title))
		for i, a := range g.actions {
			fmt.Fprintf(&b, "  %s %s. %s\n", a.Mark(), a.ID, text.Line(a.Summary))
			for _, d := range a.Details() {
				fmt.Fprintf(&b, "        %s %s\n", d.Mark(), text.Line(a.FormatChange(d)))
			}
			for _, name := range a.Along {
				fmt.Fprintf(&b, "        %s %s: by the platform itself\n", change.MarkAdd, text.Line(change.DisplayName(name)))
			}
			why := p.reasonLines(a)
			if i > 0 && why == p.reasonLines(g.actions[i-1]) {
				why = "        why and risk: as above\n"
			}
			b.WriteString(why)
		}
	}
	b.WriteString("\n" + p.Summary() + "\n")
	for _, w := range p.Withheld {
		fmt.Fprintf(&b, "  skipped (needs %s): %s (%s)\n", w.Flag, text.Line(w.Summary), text.Line(string(w.Control)))
	}
	for _, u := range p.groupedUnknown() {
		fmt.Fprintf(&b, "  not judged: %s (%s)\n", text.Line(u.entry.Reason), text.Line(u.controls))
	}
	if len(p.Manual) > 0 {
		b.WriteString("\nManual steps\n")
		for _, m := range p.groupedManual() {
			fmt.Fprintf(&b, "  ! %s (%s)\n      who: %s\n", text.Line(m.entry.Summary), text.Line(m.controls), text.Line(m.entry.Who))
			for i, step := range m.entry.How {
				fmt.Fprintf(&b, "      %d. %s\n", i+1, text.Line(step))
			}
		}
	}
	return b.String()
}

// reasonLines returns the lines with the reasons, the risk and the note of an action.
func (p Plan) reasonLines(a change.Action) string {
	var b strings.Builder
	for _, reason := range p.reasons(a) {
		fmt.Fprintf(&b, "        why: %s\n", text.Line(reason))
	}
	fmt.Fprintf(&b, "        risk: %s. %s\n", a.Risk, text.Line(a.Note))
	return b.String()
}

// Summary returns one sentence about the plan.
func (p Plan) Summary() string {
	if p.Empty() {
		switch {
		case len(p.Findings) == 0 && len(p.Unknown) == 0:
			return "Nothing to do: the environment meets the profile."
		case len(p.Findings) == 0:
			return "Nothing to do, as far as could be judged."
		}
		return "Nothing to change: " + p.remainingSummary() + "."
	}
	changes, along := p.Counts()
	summary := fmt.Sprintf("%s in %s: %d to add, %d to change, %d to remove",
		text.Count(p.changeCount(), "change"), text.Count(len(p.Actions), "request"),
		changes[change.MarkAdd], changes[change.MarkChange], changes[change.MarkRemove])
	if along > 0 {
		summary += fmt.Sprintf("; the platform grants %s along with them", text.Count(along, "privilege"))
	}
	if n := len(p.groupedManual()); n > 0 {
		summary += "; " + text.Count(n, "manual step")
	}
	return summary + "."
}

// remainingSummary returns what remains of the findings if there is nothing to apply.
func (p Plan) remainingSummary() string {
	var parts []string
	if n := len(p.groupedManual()); n > 0 {
		parts = append(parts, text.Count(n, "manual step"))
	}
	if n := len(p.Withheld); n > 0 {
		parts = append(parts, text.Count(n, "change")+" skipped (needs a flag)")
	}
	left := 0
	for _, f := range p.Findings {
		if f.LeftOut {
			left++
		}
	}
	if left > 0 {
		parts = append(parts, text.Count(left, "finding")+" left out by --only or --except")
	}
	if parts == nil {
		return text.Count(len(p.Findings), "finding") + " without a fix"
	}
	return strings.Join(parts, "; ")
}

type group struct {
	title   string
	actions []change.Action
}

// groups returns the actions in the order of the plan, grouped by what they change.
func (p Plan) groups() []group {
	var groups []group
	for _, a := range p.Actions {
		title := a.Target.Title()
		if n := len(groups); n == 0 || groups[n-1].title != title {
			groups = append(groups, group{title: title})
		}
		last := &groups[len(groups)-1]
		last.actions = append(last.actions, a)
	}
	return groups
}

// reasons returns the controls that an action fixes, each with its first finding.
func (p Plan) reasons(a change.Action) []string {
	var lines []string
	for i, why := range a.Why {
		if i > 0 && why.Control == a.Why[i-1].Control {
			continue
		}
		line := string(why.Control)
		switch {
		case why.Follows:
			line += " would fail next, once this is fixed"
		case why.Partly:
			line += " (in part: the rest needs manual steps)"
		}
		if i := slices.IndexFunc(p.Findings, func(f Finding) bool { return f.Fingerprint == why.Fingerprint }); i >= 0 {
			line += ": " + p.Findings[i].Message
		}
		more := 0
		for more+1 < len(a.Why[i:]) && a.Why[i+more+1].Control == why.Control {
			more++
		}
		if more > 0 {
			line += fmt.Sprintf(" (and %d more)", more)
		}
		lines = append(lines, line)
	}
	return lines
}

// A grouped is an entry of the plan with all controls that have the same entry.
type grouped[T any] struct {
	entry    T
	controls string // the ids, joined by commas
	last     audit.ControlID
}

// groupedManual returns the manual steps. A step that several findings need is listed once.
func (p Plan) groupedManual() []grouped[Manual] {
	return groupEntries(p.Manual, func(m Manual) audit.ControlID { return m.Control }, func(a, b Manual) bool {
		return a.Summary == b.Summary && a.Who == b.Who && slices.Equal(a.How, b.How)
	})
}

// groupedUnknown returns the controls that were not judged, grouped by reason.
func (p Plan) groupedUnknown() []grouped[Unknown] {
	return groupEntries(p.Unknown, func(u Unknown) audit.ControlID { return u.Control }, func(a, b Unknown) bool { return a.Reason == b.Reason })
}

func groupEntries[T any](entries []T, control func(T) audit.ControlID, same func(a, b T) bool) []grouped[T] {
	var list []grouped[T]
	for _, e := range entries {
		id := control(e)
		i := slices.IndexFunc(list, func(s grouped[T]) bool { return same(s.entry, e) })
		switch {
		case i < 0:
			list = append(list, grouped[T]{e, string(id), id})
		case list[i].last != id:
			list[i].controls, list[i].last = list[i].controls+", "+string(id), id
		}
	}
	return list
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Markdown returns the plan for a review, with every request.
func (p Plan) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Plan for %s\n\n", text.Markdown(p.Environment.Name))
	fmt.Fprintf(&b, "| | |\n|---|---|\n")
	for _, row := range [][2]string{
		{"Environment", p.Environment.URL},
		{"Organization", p.Environment.OrganizationID},
		{"Profile", p.Profile},
		{"State as of", formatTime(p.Snapshot.TakenAt) + ", " + p.Snapshot.Digest},
		{"Valid until", formatTime(p.ExpiresAt)},
		{"Digest", p.Digest},
	} {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], text.Markdown(row[1]))
	}
	fmt.Fprintf(&b, "\n%s\n", text.Markdown(p.Summary()))
	for _, g := range p.groups() {
		fmt.Fprintf(&b, "\n## %s\n", text.Markdown(g.title))
		for _, a := range g.actions {
			b.WriteString(p.actionMarkdown(a))
		}
	}
	if len(p.Manual) > 0 {
		b.WriteString("\n## Manual steps\n")
		for _, m := range p.groupedManual() {
			fmt.Fprintf(&b, "\n- **%s** (%s), by %s\n", text.Markdown(m.entry.Summary), text.Markdown(m.controls), text.Markdown(m.entry.Who))
			for i, step := range m.entry.How {
				fmt.Fprintf(&b, "  %d. %s\n", i+1, text.Markdown(step))
			}
		}
	}
	if len(p.Withheld)+len(p.Unknown) > 0 {
		b.WriteString("\n## Left out\n\n")
	}
	for _, w := range p.Withheld {
		fmt.Fprintf(&b, "- needs `%s`: %s (%s)\n", w.Flag, text.Markdown(w.Summary), text.Markdown(string(w.Control)))
	}
	for _, u := range p.groupedUnknown() {
		fmt.Fprintf(&b, "- not judged: %s (%s)\n", text.Markdown(u.entry.Reason), text.Markdown(u.controls))
	}
	return b.String()
}

// actionMarkdown returns an action with its differences, reasons and requests.
func (p Plan) actionMarkdown(a change.Action) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s. %s\n\n", a.ID, text.Markdown(a.Summary))
	b.WriteString("| | what | before | after |\n|---|---|---|---|\n")
	for _, d := range a.Differences() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.Mark(), text.Markdown(change.DisplayName(d.Name)),
			text.Markdown(a.FormatBefore(d)), text.Markdown(audit.LevelOf(d.After)))
	}
	for _, name := range a.Along {
		fmt.Fprintf(&b, "| %s | %s | | by the platform itself |\n", change.MarkAdd, text.Markdown(change.DisplayName(name)))
	}
	b.WriteString("\nWhy:\n\n")
	for _, reason := range p.reasons(a) {
		fmt.Fprintf(&b, "- %s\n", text.Markdown(reason))
	}
	fmt.Fprintf(&b, "\nRisk: %s. %s\n\n", a.Risk, text.Markdown(a.Note))
	b.WriteString(requestBlock(a.Request))
	switch {
	case a.UndoneWith != "":
		fmt.Fprintf(&b, "\nUndone with action %s.\n", a.UndoneWith)
	case len(a.Undo) > 0:
		fmt.Fprintf(&b, "\n<details><summary>Undo: %s</summary>\n\n", text.Count(len(a.Undo), "request"))
		for _, r := range a.Undo {
			b.WriteString(requestBlock(r) + "\n")
		}
		b.WriteString("</details>\n")
	}
	return b.String()
}

// requestBlock returns a request as an indented code block, which its content cannot end.
func requestBlock(r change.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    %s %s\n", text.Line(r.Method), text.Line(r.Path))
	if r.IfMatch != "" {
		fmt.Fprintf(&b, "    If-Match: %s\n", text.Line(r.IfMatch))
	}
	switch {
	case r.As == nil:
	case r.As.ObjectID != "":
		fmt.Fprintf(&b, "    CallerObjectId: %s\n", text.Line(r.As.ObjectID))
	default:
		fmt.Fprintf(&b, "    MSCRMCallerID: %s\n", text.Line(r.As.ID))
	}
	var body bytes.Buffer
	if r.Body != nil && json.Compact(&body, r.Body) == nil {
		fmt.Fprintf(&b, "    \n    %s\n", text.JSON(body.Bytes()))
	}
	return b.String()
}
