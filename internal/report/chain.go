package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// An accessChain is the picture role → user → views. Each part shows the outcome of the controls that
// judge it.
type accessChain struct {
	Parts [5]chainPart // boxes, and the arrows between them
	Text  string       // describes the picture
}

// The indexes of the boxes.
const (
	roleBox  = 0
	userBox  = 2
	viewsBox = 4
)

type chainPart struct {
	Label  string // such as "Security role"
	Arrow  bool   // whether it is an arrow, not a box
	Name   string // of the role, the user or the views, if the result names them
	State  string // the outcome, which is also the class in the style sheet
	Mark   string
	Note   string // how many controls have the outcome
	Judged bool   // whether any control judges it
}

// newAccessChain returns nil for a profile without rules about roles, users or views.
func newAccessChain(r audit.Result) *accessChain {
	c := &accessChain{Parts: [5]chainPart{
		newChainPart(r, "Security role", func(rule string) bool { return strings.HasPrefix(rule, "role/") }),
		newChainPart(r, "assigned to", func(rule string) bool { return rule == "user/role" }),
		newChainPart(r, "Integration user", func(rule string) bool { return strings.HasPrefix(rule, "user/") && rule != "user/role" }),
		newChainPart(r, "can read", func(rule string) bool { return rule == "view/shared" }),
		newChainPart(r, "Views", func(rule string) bool { return strings.HasPrefix(rule, "view/") && rule != "view/shared" }),
	}}
	c.Parts[1].Arrow, c.Parts[3].Arrow = true, true
	if views := &c.Parts[viewsBox]; r.SkipsViews() && views.State == "pass" {
		views.State, views.Mark, views.Note = "none", "–", "not checked: none is configured"
	}
	c.setNames(r)
	var descriptions []string
	for i, label := range []string{"Role", "link from role to user", "user", "link from user to views", "views"} {
		if p := c.Parts[i]; p.Judged {
			descriptions = append(descriptions, label+": "+p.Note)
		}
	}
	if descriptions == nil {
		return nil
	}
	c.Text = strings.Join(descriptions, "; ")
	return c
}

// setNames sets the names in the boxes. A result without an integration names its role and user only in
// findings. Those of user/no-administrator do not count for the role, because they are about others.
func (c *accessChain) setNames(r audit.Result) {
	role, user, views := &c.Parts[roleBox].Name, &c.Parts[userBox].Name, &c.Parts[viewsBox].Name
	if i := r.Integration; i != nil {
		*role, *user = cmp.Or(i.Role, &audit.Subject{}).Name, cmp.Or(i.User, &audit.Subject{}).Name
	} else {
		*role = cmp.Or(subjectNames(r, []string{"role/", "user/role"}, []audit.SubjectKind{audit.SubjectRole},
			func(f *audit.Fix) *audit.Reference { return f.Role })...)
		*user = cmp.Or(subjectNames(r, []string{"role/", "user/", "view/"}, []audit.SubjectKind{audit.SubjectUser},
			func(f *audit.Fix) *audit.Reference { return f.User })...)
	}
	names := subjectNames(r, []string{"view/"}, []audit.SubjectKind{audit.SubjectRequiredView, audit.SubjectView},
		func(f *audit.Fix) *audit.Reference { return f.View })
	for i, name := range names {
		names[i] = shortName(name)
	}
	*views = text.JoinFirst(names, 3)
}

// newChainPart returns the part of the chain that some rules judge, with the worst of their outcomes.
func newChainPart(r audit.Result, label string, judges func(rule string) bool) chainPart {
	n := map[audit.Outcome]int{}
	for _, c := range r.Controls {
		if judges(c.Rule) {
			n[c.Outcome]++
		}
	}
	p := chainPart{Label: label, State: "none", Mark: "–", Note: "not judged", Judged: len(n) > 0}
	for _, o := range []struct {
		outcome    audit.Outcome
		mark, verb string
	}{{audit.OutcomeFail, "✗", "failed"}, {audit.OutcomeUnknown, "?", "unknown"}, {audit.OutcomeWaived, "≈", "waived"}, {audit.OutcomePass, "✓", "passed"}} {
		if n[o.outcome] > 0 {
			p.State, p.Mark, p.Note = o.outcome.String(), o.mark, text.Count(n[o.outcome], "control")+" "+o.verb
			break
		}
	}
	if u := n[audit.OutcomeUnknown]; u > 0 && n[audit.OutcomeFail] > 0 {
		p.Note += fmt.Sprintf(", %d unknown", u)
	}
	return p
}

// ShortName returns the name cut to fit into a box.
func (p chainPart) ShortName() string { return text.ShortenMiddle(p.Name, 4*nameWidth) }

// subjectNames returns the distinct names of the subjects of some kinds, in findings of rules with one
// of the prefixes. For a finding with another subject, it is the name of the object that the fix
// refers to.
func subjectNames(r audit.Result, rulePrefixes []string, kinds []audit.SubjectKind, reference func(*audit.Fix) *audit.Reference) []string {
	var names []string
	for _, i := range issuesOf(r, false) {
		f := i.Finding
		if f == nil || !slices.ContainsFunc(rulePrefixes, func(p string) bool { return strings.HasPrefix(i.Rule, p) }) {
			continue
		}
		name := ""
		if slices.Contains(kinds, f.Subject.Kind) {
			name = f.Subject.Name
		}
		if name == "" && f.Fix != nil {
			name = text.Line(cmp.Or(reference(f.Fix), &audit.Reference{}).Name)
		}
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
