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
	role, user, views := &c.Parts[roleBox], &c.Parts[userBox], &c.Parts[viewsBox]
	c.Parts[1].Arrow, c.Parts[3].Arrow = true, true
	if r.SkipsViews() && views.State == "pass" {
		views.State, views.Mark, views.Note = "none", "–", "not checked: none is configured"
	}
	role.Name = subjectName(r, audit.SubjectRole, "role/ user/role", func(f *audit.Fix) *audit.Reference { return f.Role })
	user.Name = subjectName(r, audit.SubjectUser, "role/ user/ view/", func(f *audit.Fix) *audit.Reference { return f.User })
	if i := r.Integration; i != nil {
		role.Name, user.Name = cmp.Or(i.Role, &audit.Subject{}).Name, cmp.Or(i.User, &audit.Subject{}).Name
	}
	views.Name = viewNames(r)
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

// viewNames lists the views that findings name. A result does not name other views.
func viewNames(r audit.Result) string {
	var names []string
	for _, i := range issuesOf(r, false) {
		f := i.Finding
		if f == nil || !strings.HasPrefix(i.Rule, "view/") {
			continue
		}
		view := f.Subject.Name
		if f.Subject.Kind != audit.SubjectRequiredView && f.Subject.Kind != audit.SubjectView {
			view = ""
		}
		if view == "" && f.Fix != nil && f.Fix.View != nil {
			view = f.Fix.View.Name
		}
		if view = shortName(text.Line(view)); view != "" && !slices.Contains(names, view) {
			names = append(names, view)
		}
	}
	const shown = 3
	return text.JoinFirst(names, shown)
}

// subjectName returns the name of the role or user of a result without an integration: the first subject
// of that kind, or the first one that a fix refers to. It reads only findings of rules with one of the
// prefixes, because user/no-administrator is about other roles.
func subjectName(r audit.Result, kind audit.SubjectKind, rulePrefixes string, reference func(*audit.Fix) *audit.Reference) string {
	for _, i := range issuesOf(r, false) {
		f := i.Finding
		if f == nil || !slices.ContainsFunc(strings.Fields(rulePrefixes), func(p string) bool { return strings.HasPrefix(i.Rule, p) }) {
			continue
		}
		if f.Subject.Kind == kind && f.Subject.Name != "" {
			return f.Subject.Name
		}
		if f.Fix == nil {
			continue
		}
		if ref := reference(f.Fix); ref != nil && ref.Name != "" {
			return text.Line(ref.Name)
		}
	}
	return ""
}
