package change

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// quotedName returns the name of a reference in quotation marks, or else its id.
func quotedName(r *audit.Reference) string {
	switch {
	case r == nil:
		return ""
	case r.Name != "":
		return `"` + r.Name + `"`
	}
	return r.ID
}

func refName(r *audit.Reference) string { return cmp.Or(r, &audit.Reference{}).Name }

// formatPrivileges returns privileges in the portal's words, such as "Account – Read at
// Organization level". preposition is the word before the level; without it, no level is shown.
func formatPrivileges(gs []audit.Grant, preposition string) string {
	const maxShown = 3
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
		if preposition != "" && shared == audit.DepthNone && g.Depth != audit.DepthNone {
			names[i] += " (" + g.Depth.Level() + ")"
		}
	}
	list := joinAnd(names)
	if len(names) > maxShown {
		list = text.JoinFirst(names, maxShown)
	}
	if preposition != "" && shared != audit.DepthNone {
		list += " " + preposition + " " + shared.Level() + " level"
	}
	return list
}

// formatPrincipals joins the names of users and teams, and counts the ones after the first.
func formatPrincipals(ps []audit.Reference, most int) string {
	names := make([]string, len(ps))
	for i := range ps {
		names[i] = cmp.Or(quotedName(&ps[i]), "a user or team")
	}
	return text.JoinFirst(names, most)
}

// JoinFirst joins the first few of many parts, and counts the others.
func JoinFirst(parts []string) string { return text.JoinFirst(parts, 5) }

// editRole returns the steps that set a role's access levels.
func editRole() []string {
	return []string{"{settings} > Security roles.", "Open the role {role|of the integration}.", levels}
}

// Sentences that several kinds of fix share.
const (
	usersPage   = "{settings} > Application users (for a person's account: Users)."
	rolesOfUser = "Select {user|of the integration} and choose Edit security roles (for a person's account: Manage security roles)."
	asOwnerPage = "Sign in to the environment[ at {url}] as the owner of the view[, {owner}]."
)

// sharesPage returns the steps that open the dialog with the view's shares.
func sharesPage() []string {
	return []string{
		asOwnerPage,
		"Open the list of the table[ {table}], then the drop-down next to the name of the view > Manage and share views.",
		"Find {view|in question}, choose the three dots next to it, and choose Share.",
	}
}

func (f fix) render(template string) string { return render(template, f.values) }

// render fills in a template. It replaces {user} by the value named user, and {user|the user}
// by "the user" if that value is empty. It leaves a part in [brackets] out if the value of a name
// in it is empty.
func render(template string, values map[string]string) string {
	var b strings.Builder
	for template != "" {
		mandatory, rest, _ := strings.Cut(template, "[")
		optional, after, _ := strings.Cut(rest, "]")
		part, _ := renderPart(mandatory, values)
		b.WriteString(part)
		if part, complete := renderPart(optional, values); complete {
			b.WriteString(part)
		}
		template = after
	}
	return b.String()
}

// renderPart fills in a part of a template; complete is set if all its names have values.
func renderPart(part string, values map[string]string) (rendered string, complete bool) {
	complete = true
	for {
		before, rest, found := strings.Cut(part, "{")
		rendered += before
		if !found {
			return rendered, complete
		}
		placeholder, after, _ := strings.Cut(rest, "}")
		name, fallback, _ := strings.Cut(placeholder, "|")
		complete = complete && values[name] != ""
		rendered += cmp.Or(values[name], fallback)
		part = after
	}
}

// templateValues returns the values for the templates, empty if the fix does not have them.
func (f fix) templateValues() map[string]string {
	minimum := ""
	if n := len(f.Privileges); n == 1 {
		minimum = audit.PrivilegeLabel(f.Privileges[0].Name)
	} else if n > 1 {
		minimum = text.Count(n, "privilege")
	}
	return map[string]string{
		"role": quotedName(f.Role), "user": quotedName(f.User), "team": quotedName(f.Team), "view": quotedName(f.View),
		"owner": quotedName(f.Owner), "owner name": refName(f.Owner), "unit": quotedName(f.BusinessUnit),
		"application": f.ApplicationID, "table": f.Table, "url": f.Environment.URL, "place": f.environmentLabel(),
		"settings": "Sign in to https://admin.powerplatform.microsoft.com, then Manage > Environments > " + f.environmentLabel() + " > Settings > Users + permissions",
		"rights":   formatPrivileges(f.Privileges, ""), "rights at": formatPrivileges(f.Privileges, "at"),
		"rights to": formatPrivileges(f.Privileges, "to"), "minimum": minimum,
		"principals": formatPrincipals(f.Principals, maxListed), "first principal": formatPrincipals(f.Principals, 1),
		"contents": f.appContents(), "required": f.unmetRequirement(),
	}
}

// levels is the template that stands for [fix.levelSteps].
const levels = "{levels}"

// renderSteps fills in the templates of steps.
func (f fix) renderSteps(templates ...string) []string {
	var steps []string
	for _, s := range templates {
		if s == levels {
			steps = append(steps, f.levelSteps()...)
		} else {
			steps = append(steps, f.render(s))
		}
	}
	return steps
}

// environmentLabel returns the environment's name as in the portal's list, with its URL.
func (f fix) environmentLabel() string {
	switch {
	case f.Environment.URL == "":
		return "the environment"
	case f.Environment.OrganizationName == "":
		return "the environment with the URL " + f.Environment.URL
	}
	return `"` + f.Environment.OrganizationName + `" (` + f.Environment.URL + ")"
}

// levelSteps returns the steps in the editor of a role, one for each table and access level.
func (f fix) levelSteps() []string {
	const maxShown = 50
	type group struct{ row, level string }
	var groups []group
	names := map[group][]string{}
	for _, g := range f.Privileges[:min(len(f.Privileges), maxShown)] {
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
		key := group{row, level}
		if names[key] == nil {
			groups = append(groups, key)
		}
		names[key] = append(names[key], right+" ("+g.Name+")")
	}
	var steps []string
	for _, g := range groups {
		place := "On the tab Miscellaneous privileges,"
		if g.row != "" {
			place = "On the tab Tables, show all tables, find " + g.row + ", and"
		}
		steps = append(steps, place+" set "+joinAnd(names[g])+" to "+g.level+".")
	}
	if more := len(f.Privileges) - maxShown; more > 0 {
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
