package change

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// quotedName is a reference's name in quotation marks, else its id; empty without either.
func quotedName(r *audit.Reference) string {
	switch {
	case r == nil:
		return ""
	case r.Name != "":
		return `"` + r.Name + `"`
	}
	return r.ID
}

func refName(r *audit.Reference) string {
	if r == nil {
		return ""
	}
	return r.Name
}

// formatPrivileges are privileges in the portal's words, such as "Account – Read at Organization
// level"; before is the word before the level, or empty for no level.
func formatPrivileges(gs []audit.Grant, before string) string {
	const shown = 3
	if len(gs) == 0 {
		return "the missing privileges"
	}
	shared := gs[0].Depth
	if slices.ContainsFunc(gs, func(g audit.Grant) bool { return g.Depth != shared }) {
		shared = audit.DepthNone
	}
	names := make([]string, len(gs))
	for i, g := range gs {
		names[i] = audit.PrivilegeLabel(g.Name)
		if before != "" && shared == audit.DepthNone && g.Depth != audit.DepthNone {
			names[i] += " (" + g.Depth.Level() + ")"
		}
	}
	said := joinAnd(names)
	if len(names) > shown {
		said = text.JoinFirst(names, shown)
	}
	if before != "" && shared != audit.DepthNone {
		said += " " + before + " " + shared.Level() + " level"
	}
	return said
}

// formatPrincipals names users and teams, the first few of many.
func formatPrincipals(ps []audit.Reference, most int) string {
	names := make([]string, len(ps))
	for i := range ps {
		names[i] = cmp.Or(quotedName(&ps[i]), "a user or team")
	}
	return text.JoinFirst(names, most)
}

// Listed joins what a message names, the first few of many.
func Listed(parts []string) string { return text.JoinFirst(parts, 5) }

// editRole are the steps that set a role's access levels.
func editRole() []string {
	return []string{"{settings} > Security roles.", "Open the role {role|of the integration}.", levels}
}

// Sentences that several kinds of fix share.
const (
	usersPage   = "{settings} > Application users (for a person's account: Users)."
	rolesOfUser = "Select {user|of the integration} and choose Edit security roles (for a person's account: Manage security roles)."
	asOwnerPage = "Sign in to the environment[ at {url}] as the owner of the view[, {owner}]."
)

// sharesPage are the steps that open the dialog of the view's shares.
func sharesPage() []string {
	return []string{
		asOwnerPage,
		"Open the list of the table[ {table}], then the drop-down next to the name of the view > Manage and share views.",
		"Find {view|in question}, choose the three dots next to it, and choose Share.",
	}
}

// render fills in a sentence: {user|the user} is the name of the fix's user or, if the fix does
// not say, what follows the bar. A part in brackets is left out if the fix does not say what
// it names.
func (f fix) render(sentence string) string { return render(sentence, f.values) }

func render(sentence string, words map[string]string) string {
	said := ""
	for sentence != "" {
		always, rest, _ := strings.Cut(sentence, "[")
		optional, after, _ := strings.Cut(rest, "]")
		part, _ := renderPart(always, words)
		said += part
		if part, known := renderPart(optional, words); known {
			said += part
		}
		sentence = after
	}
	return said
}

// renderPart fills in a part of a sentence; known is set if the words have everything that it names.
func renderPart(part string, words map[string]string) (said string, known bool) {
	known = true
	for {
		before, rest, more := strings.Cut(part, "{")
		said += before
		if !more {
			return said, known
		}
		slot, after, _ := strings.Cut(rest, "}")
		what, otherwise, _ := strings.Cut(slot, "|")
		known = known && words[what] != ""
		said += cmp.Or(words[what], otherwise)
		part = after
	}
}

// templateValues is what sentences call by names in braces; empty if the fix does not say.
func (f fix) templateValues() map[string]string {
	minimum := ""
	if n := len(f.Privileges); n == 1 {
		minimum = audit.PrivilegeLabel(f.Privileges[0].Name)
	} else if n > 1 {
		minimum = text.Count(n, "privilege")
	}
	return map[string]string{
		"role": quotedName(f.Role), "user": quotedName(f.User), "team": quotedName(f.Team), "view": quotedName(f.View), "owner": quotedName(f.Owner), "owner name": refName(f.Owner),
		"unit": quotedName(f.BusinessUnit), "application": f.ApplicationID, "table": f.Table, "url": f.Environment.URL, "place": f.environmentLabel(),
		"settings": "Sign in to https://admin.powerplatform.microsoft.com, then Manage > Environments > " + f.environmentLabel() + " > Settings > Users + permissions",
		"rights":   formatPrivileges(f.Privileges, ""), "rights at": formatPrivileges(f.Privileges, "at"), "rights to": formatPrivileges(f.Privileges, "to"), "minimum": minimum,
		"principals": formatPrincipals(f.Principals, maxListed), "first principal": formatPrincipals(f.Principals, 1), "contents": f.appContents(), "required": f.unmetRequirement(),
	}
}

// levels stands for the steps that set the access levels in the editor of a role.
const levels = "{levels}"

// renderSteps fills in sentences.
func (f fix) renderSteps(sentences ...string) []string {
	var steps []string
	for _, s := range sentences {
		if s == levels {
			steps = append(steps, f.levelSteps()...)
		} else {
			steps = append(steps, f.render(s))
		}
	}
	return steps
}

// environmentLabel is the environment as in the portal's list.
func (f fix) environmentLabel() string {
	switch {
	case f.Environment.URL == "":
		return "the environment"
	case f.Environment.OrganizationName == "":
		return "the environment with the URL " + f.Environment.URL
	}
	return `"` + f.Environment.OrganizationName + `" (` + f.Environment.URL + ")"
}

// levelSteps are the steps in the editor of an open role: one for the rights of a table that get the
// same level.
func (f fix) levelSteps() []string {
	const shown = 50
	type group struct{ row, level string }
	var groups []group
	names := map[group][]string{}
	for _, g := range f.Privileges[:min(len(f.Privileges), shown)] {
		level := g.Depth.Level()
		switch {
		case f.Kind == RemovePrivilege:
			level = audit.DepthNone.Level()
		case g.Depth == audit.DepthNone:
			level = "the highest level it allows"
		}
		right, row := audit.SplitPrivilege(g.Name)
		if right == "" { // a miscellaneous privilege
			right, row = row, ""
		}
		of := group{row, level}
		if names[of] == nil {
			groups = append(groups, of)
		}
		names[of] = append(names[of], right+" ("+g.Name+")")
	}
	var steps []string
	for _, g := range groups {
		place := "On the tab Miscellaneous privileges,"
		if g.row != "" {
			place = "On the tab Tables, show all tables, find " + g.row + ", and"
		}
		steps = append(steps, place+" set "+joinAnd(names[g])+" to "+g.level+".")
	}
	if more := len(f.Privileges) - shown; more > 0 {
		steps = append(steps, "Do the same for the other "+text.Count(more, "privilege")+".")
	}
	return append(steps, "Choose Save + close.")
}

func joinAnd(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
