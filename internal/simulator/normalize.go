package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A reporter records a problem at a path of keys and indices in the environment.
type reporter func(path []string, text string)

func pathTo(steps ...any) []string {
	path := make([]string, len(steps))
	for i, step := range steps {
		path[i] = fmt.Sprint(step)
	}
	return path
}

// A problem is an error in an environment, with its path.
type problem struct {
	path []string
	text string
}

func (p problem) Error() string { return strings.Join(p.path, ".") + ": " + p.text }

// normalize adds what the author may omit (ids, the root business unit, default teams), resolves the
// inheritance of roles, and checks references. The schema has checked each value. It returns the catalogue
// of privileges. An environment with problems cannot be used.
func normalize(env *Environment) (cat *catalogue, problems []problem) {
	report := func(path []string, text string) { problems = append(problems, problem{path, text}) }
	normalizeOrganization(env)
	checkPrivileges(env, report)
	normalizeUnits(env, report)
	if len(problems) > 0 {
		return nil, problems // the further steps need valid units and privileges
	}
	cat = newCatalogue(env)
	normalizeRoles(env, cat, report)
	normalizeUsers(env)
	normalizeTeams(env, report)
	normalizeViews(env)
	checkClients(env, report)
	checkIDs(env, report)
	if len(problems) > 0 {
		return nil, problems
	}
	index := newRefIndex(env)
	walkRefs(env, func(kind refKind, ref *string, path []string) {
		if _, err := index.find(kind, *ref); err != nil && kind != refID {
			report(path, err.Error())
		}
	})
	if len(problems) == 0 {
		trimAssignments(env, index)
		checkShares(env, index, report)
	}
	return cat, problems
}

func normalizeOrganization(env *Environment) {
	o := &env.Organization
	setDefault(&o.ID, deriveID("organization", o.Name))
	setDefault(&o.URLName, strings.ToLower(strings.ReplaceAll(o.Name, " ", "")))
	setDefault(&o.Version, "9.2.25063.158")
	setDefault(&env.TenantID, deriveID("tenant", o.Name))
}

func normalizeUnits(env *Environment, report reporter) {
	if len(env.BusinessUnits) == 0 {
		env.BusinessUnits = []BusinessUnit{{Name: env.Organization.Name}}
	}
	var roots []string
	for _, b := range pointers(env.BusinessUnits) {
		setDefault(&b.ID, deriveID(env.Organization.ID, "businessunit", b.Name))
		if b.Parent == "" {
			roots = append(roots, b.Name)
		}
	}
	if len(roots) != 1 {
		report(pathTo("business_units"), fmt.Sprintf("one business unit must be without a parent, the root; here there are %d: %s", len(roots), strings.Join(roots, ", ")))
		return
	}
	index := newRefIndex(env)
	for i := range env.BusinessUnits {
		if err := checkParents(env, index, i); err != nil {
			report(pathTo("business_units", i, "parent"), err.Error())
		}
	}
}

// checkParents returns an error if the chain of parents of business unit i does not end at the root.
func checkParents(env *Environment, index refIndex, i int) error {
	for range env.BusinessUnits {
		b := &env.BusinessUnits[i]
		if b.Parent == "" {
			return nil
		}
		parent, err := index.find(refUnit, b.Parent)
		if err != nil {
			return err
		}
		i = slices.IndexFunc(env.BusinessUnits, func(b BusinessUnit) bool { return sameRef(b.ID, parent.id) })
	}
	return errors.New("the parents form a cycle")
}

func rootUnit(env *Environment) *BusinessUnit {
	return firstMatch(env.BusinessUnits, func(b *BusinessUnit) bool { return b.Parent == "" })
}

func normalizeUsers(env *Environment) {
	for _, list := range [][]User{env.Users, env.ApplicationUsers} {
		for i, u := range pointers(list) {
			name := cmp.Or(u.UPN, u.ApplicationID, u.Name)
			u.ApplicationID = strings.ToLower(u.ApplicationID)
			setDefault(&u.BusinessUnit, rootUnit(env).Name)
			setDefault(&u.EntraObjectID, deriveID(env.TenantID, "object", name))
			u.EntraObjectID = strings.ToLower(u.EntraObjectID)
			if u.ID != "" {
				continue
			}
			u.ID = deriveID(env.Organization.ID, "systemuser", name)
			if slices.ContainsFunc(list[:i], func(o User) bool { return sameRef(o.ID, u.ID) }) {
				u.ID = deriveID(env.Organization.ID, "systemuser", u.ApplicationID, u.Name)
			}
		}
	}
}

// normalizeTeams also adds the default team of each business unit that has none.
func normalizeTeams(env *Environment, report reporter) {
	index := newRefIndex(env)
	hasDefault := map[string]bool{}
	for i, t := range pointers(env.Teams) {
		setDefault(&t.BusinessUnit, rootUnit(env).Name)
		seed := ""
		if t.Default {
			seed = "default"
			hasDefault[index.id(refUnit, t.BusinessUnit)] = true
		}
		setDefault(&t.ID, deriveID(env.Organization.ID, "team", t.Name, seed))
		if t.Default && len(t.Members) > 0 {
			report(pathTo("teams", i, "members"), fmt.Sprintf("%q is a default team: its members are the users of its business unit", t.Name))
		}
	}
	for _, b := range env.BusinessUnits {
		if !hasDefault[strings.ToLower(b.ID)] {
			id := deriveID(env.Organization.ID, "team", b.Name, "default")
			env.Teams = append(env.Teams, Team{Name: b.Name, ID: id, BusinessUnit: b.ID, Default: true})
		}
	}
}

func normalizeViews(env *Environment) {
	for _, v := range pointers(env.PersonalViews) {
		setDefault(&v.ID, deriveID(env.Organization.ID, "userquery", v.Table, v.Name, v.Owner))
	}
	for _, v := range pointers(env.SystemViews) {
		setDefault(&v.ID, deriveID(env.Organization.ID, "savedquery", v.Table, v.Name))
	}
	for _, p := range pointers(env.ColumnSecurityProfiles) {
		setDefault(&p.ID, deriveID(env.Organization.ID, "fieldsecurityprofile", p.Name))
	}
}

func checkClients(env *Environment, report reporter) {
	seen := map[string]bool{}
	for i, c := range pointers(env.Clients) {
		c.ApplicationID = strings.ToLower(c.ApplicationID)
		if seen[c.ApplicationID] {
			report(pathTo("clients", i, "application_id"), fmt.Sprintf("application id %s appears twice", c.ApplicationID))
		}
		seen[c.ApplicationID] = true
		if err := c.Validate(); err != nil {
			report(pathTo("clients", i), fmt.Sprintf("client %q: %v", c.Name, err))
		}
	}
}

// checkIDs changes ids to lower case, and reports duplicates.
func checkIDs(env *Environment, report reporter) {
	seen := map[string]bool{}
	walkRefs(env, func(kind refKind, id *string, path []string) {
		if kind != refID {
			return
		}
		*id = strings.ToLower(*id)
		if seen[*id] {
			report(path, fmt.Sprintf("id %s appears twice (give each of two things with the same name its own id)", *id))
		}
		seen[*id] = true
	})
}

// trimAssignments removes duplicates, and the business unit of an assignment if it is the holder's: a holder
// that moves then gets the copy of the new unit.
func trimAssignments(env *Environment, index refIndex) {
	walkAssignments(env, func(roles *[]RoleAssignment, unit string) {
		home := index.id(refUnit, unit)
		seen := map[[2]string]bool{}
		var out []RoleAssignment
		for _, a := range *roles {
			role, at := index.id(refRole, a.Role), index.id(refUnit, a.BusinessUnit)
			if at == home {
				a.BusinessUnit, at = "", ""
			}
			if !seen[[2]string{role, at}] {
				seen[[2]string{role, at}] = true
				out = append(out, a)
			}
		}
		*roles = out
	})
}

// walkAssignments visits the role assignments of each user and team, with the holder's business unit.
func walkAssignments(env *Environment, visit func(roles *[]RoleAssignment, unit string)) {
	for _, u := range append(pointers(env.Users), pointers(env.ApplicationUsers)...) {
		visit(&u.Roles, u.BusinessUnit)
	}
	for _, t := range pointers(env.Teams) {
		visit(&t.Roles, t.BusinessUnit)
	}
}

func checkShares(env *Environment, index refIndex, report reporter) {
	for i, v := range env.PersonalViews {
		seen := map[string]bool{}
		for j, s := range v.Shares {
			id := index.id(refPrincipal, s.Principal)
			if seen[id] {
				report(pathTo("personal_views", i, "shares", j), fmt.Sprintf("the view is shared with %q twice", s.Principal))
			}
			seen[id] = true
		}
	}
}

func setDefault(s *string, value string) { *s = cmp.Or(*s, value) }
