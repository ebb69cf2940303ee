package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A reporter takes note of a problem at a path of keys and indices in the environment.
type reporter func(path []any, text string)

// A problem is something wrong with an environment, and where.
type problem struct {
	path []any
	text string
}

func (p problem) Error() string {
	var where strings.Builder
	for i, step := range p.path {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&where, "[%d]", step)
		default:
			if i > 0 {
				where.WriteByte('.')
			}
			fmt.Fprint(&where, step)
		}
	}
	return where.String() + ": " + p.text
}

// normalise fills in what the author left out (ids, the root business unit, default teams), works
// role inheritance into grants, and finds references to nothing. On problems the environment is not
// fit for use.
func normalise(env *Environment) []problem {
	var problems []problem
	report := func(path []any, text string) {
		problems = append(problems, problem{slices.Clone(path), text})
	}
	normaliseOrganization(env, report)
	checkPrivileges(env, report)
	normaliseUnits(env, report)
	if len(problems) > 0 {
		return problems // what follows stands on these
	}
	normaliseRoles(env, newCatalogue(env), report)
	normaliseUsers(env, report)
	normaliseTeams(env, report)
	normaliseViews(env, report)
	checkClients(env, report)
	checkIDs(env, report)
	if len(problems) > 0 {
		return problems
	}
	index := newRefIndex(env)
	eachRef(env, func(kind refKind, ref *string, path ...any) {
		if _, err := index.resolve(kind, *ref); err != nil {
			report(path, err.Error())
		}
	})
	if len(problems) == 0 {
		trimAssignments(env, index)
		mergeShares(env, index)
	}
	return problems
}

func normaliseOrganization(env *Environment, report reporter) {
	o := &env.Organization
	if o.Name == "" {
		report([]any{"organization"}, "the organization needs a name")
		return
	}
	setDefault(&o.ID, deriveID("organization", o.Name))
	setDefault(&o.URLName, strings.ToLower(strings.ReplaceAll(o.Name, " ", "")))
	setDefault(&o.Version, "9.2.25063.158")
	setDefault(&env.TenantID, deriveID("tenant", o.Name))
	oneOf(report, []any{"organization", "record_ownership_across_business_units"},
		o.RecordOwnershipAcrossBusinessUnits, []Tristate{Absent, On, Off})
	oneOf(report, []any{"organization", "keep_roles_on_move"}, o.KeepRolesOnMove, []Tristate{Absent, On, Off})
	oneOf(report, []any{"organization", "state"}, o.State, states())
	for i, c := range env.Contradictions {
		oneOf(report, []any{"contradictions", i}, c, Contradictions())
	}
}

func normaliseUnits(env *Environment, report reporter) {
	if len(env.BusinessUnits) == 0 {
		env.BusinessUnits = []BusinessUnit{{Name: env.Organization.Name}}
	}
	root := -1
	for i := range env.BusinessUnits {
		b := &env.BusinessUnits[i]
		if b.Name == "" {
			report([]any{"business_units", i}, "a business unit needs a name")
		}
		setDefault(&b.ID, deriveID(env.Organization.ID, "businessunit", b.Name))
		if b.Parent != "" {
			continue
		}
		if root >= 0 {
			report([]any{"business_units", i}, fmt.Sprintf("%q and %q are both without a parent; only one can be the root", env.BusinessUnits[root].Name, b.Name))
		}
		root = i
	}
	if root < 0 {
		report([]any{"business_units"}, "no business unit is the root: one must be without a parent")
		return
	}
	index := newRefIndex(env)
	for i := range env.BusinessUnits {
		if err := climbs(env, index, i); err != nil {
			report([]any{"business_units", i, "parent"}, err.Error())
		}
	}
}

// climbs says whether business unit i leads to the root.
func climbs(env *Environment, index *refIndex, i int) error {
	for range env.BusinessUnits {
		b := &env.BusinessUnits[i]
		if b.Parent == "" {
			return nil
		}
		id, err := index.resolve(refUnit, b.Parent)
		if err != nil {
			return err
		}
		i = slices.IndexFunc(env.BusinessUnits, func(b BusinessUnit) bool { return same(b.ID, id) })
	}
	return errors.New("the parents go round in a circle")
}

func rootUnit(env *Environment) *BusinessUnit {
	return find(env.BusinessUnits, func(b *BusinessUnit) bool { return b.Parent == "" })
}

func normaliseRoles(env *Environment, cat *catalogue, report reporter) {
	root := rootUnit(env)
	for i := range env.Roles {
		r, path := &env.Roles[i], []any{"roles", i}
		if r.Name == "" {
			report(path, "a role needs a name")
		}
		setDefault(&r.BusinessUnit, root.Name)
		if r.Privileges == nil {
			r.Privileges = Grants{}
		}
		seed := r.Name
		if !same(r.BusinessUnit, root.Name) && !same(r.BusinessUnit, root.ID) {
			seed += "\x00" + r.BusinessUnit
		}
		setDefault(&r.ID, deriveID(env.Organization.ID, "role", seed))
		oneOf(report, append(path, "state"), r.State, append(componentStates(), ""))
		if t := templateID(r.Template); r.Template != "" && t == "" {
			report(append(path, "template"), fmt.Sprintf("no role template is named %q; give one of the well-known names, or an id", r.Template))
		} else {
			r.Template = t
		}
	}
	for i := range env.Roles {
		inherit(env, i, nil, report)
	}
	for i := range env.Roles {
		normaliseGrants(env, i, cat, report)
	}
}

func templateID(ref string) string {
	for _, t := range roleTemplates() {
		if same(t.name, ref) {
			return t.id
		}
	}
	id, _ := parseGUID(ref)
	return id
}

// inherit works Like, Without and PlatformDefaults of role i into its grants.
func inherit(env *Environment, i int, below []int, report reporter) {
	r, path := &env.Roles[i], []any{"roles", i}
	if slices.Contains(below, i) {
		report(append(path, "like"), fmt.Sprintf("%q is like itself in the end", r.Name))
		return
	}
	if r.Like == "" && !r.PlatformDefaults && len(r.Without) == 0 {
		return
	}
	all := map[string]privilegeGrant{} // by lower-case name
	if r.Like != "" {
		base := slices.IndexFunc(env.Roles, func(o Role) bool { return same(o.Name, r.Like) || same(o.ID, r.Like) })
		if base < 0 {
			report(append(path, "like"), fmt.Sprintf("there is no role %q", r.Like))
			return
		}
		inherit(env, base, append(below, i), report)
		for name, depth := range env.Roles[base].Privileges {
			all[strings.ToLower(name)] = privilegeGrant{name, depth}
		}
	}
	if r.PlatformDefaults {
		for _, name := range platformDefaults() {
			all[strings.ToLower(name)] = privilegeGrant{name, DepthGlobal}
		}
	}
	for j, name := range r.Without {
		if _, found := all[strings.ToLower(name)]; !found {
			report(append(path, "without", j), fmt.Sprintf("%q has no %s to go without", r.Name, name))
		}
		delete(all, strings.ToLower(name))
	}
	for name := range r.Privileges {
		delete(all, strings.ToLower(name))
	}
	grants := make(Grants, len(all)+len(r.Privileges))
	for _, g := range all {
		grants[g.name] = g.depth
	}
	for name, depth := range r.Privileges {
		grants[name] = depth
	}
	r.Privileges, r.Like, r.Without, r.PlatformDefaults = grants, "", nil, false
}

type privilegeGrant struct {
	name  string
	depth Depth
}

// normaliseGrants spells the privileges of role i as the catalogue does, drops those that the
// environment does not define, and finds depths that a privilege does not allow.
func normaliseGrants(env *Environment, i int, cat *catalogue, report reporter) {
	r := &env.Roles[i]
	if wellFormed(r.Privileges, cat) {
		return
	}
	undefined := lowerSet(env.UndefinedPrivileges)
	var standard *catalogue
	spelt := make(Grants, len(r.Privileges))
	for _, name := range sortedKeys(r.Privileges) {
		depth := r.Privileges[name]
		path := []any{"roles", i, "privileges", name}
		p := cat.privilege(name)
		if p == nil {
			if standard == nil && len(env.UndefinedTables) > 0 {
				standard = newCatalogue(&Environment{})
			}
			if undefined[strings.ToLower(name)] || standard != nil && standard.privilege(name) != nil {
				continue
			}
			report(path, fmt.Sprintf("role %q: there is no privilege %q", r.Name, name))
			continue
		}
		if depth == DepthDeepest {
			depth = p.Deepest()
		}
		if !p.Allows(depth) {
			report(path, fmt.Sprintf("role %q: %s cannot be granted at depth %s", r.Name, p.Name, depth))
			continue
		}
		if _, twice := spelt[p.Name]; twice {
			report(path, fmt.Sprintf("role %q: %s is there twice", r.Name, p.Name))
		}
		spelt[p.Name] = depth
	}
	r.Privileges = spelt
	odd := slices.Clone(r.RecordFilters)
	for _, name := range append(odd, sortedKeys(r.DepthWords)...) {
		if p := cat.privilege(name); p == nil || spelt[p.Name] == DepthNone {
			report([]any{"roles", i}, fmt.Sprintf("role %q: %s has a record filter or a word for its depth, and is not granted", r.Name, name))
		}
	}
}

// wellFormed says whether grants are normal already, as those of a running environment are.
func wellFormed(grants Grants, cat *catalogue) bool {
	for name, depth := range grants {
		if p := cat.privilege(name); p == nil || p.Name != name || !p.Allows(depth) {
			return false
		}
	}
	return true
}

func normaliseUsers(env *Environment, report reporter) {
	lists := []struct {
		key         string
		users       []User
		application bool
	}{{"users", env.Users, false}, {"application_users", env.ApplicationUsers, true}}
	for _, list := range lists {
		for i := range list.users {
			u, path := &list.users[i], []any{list.key, i}
			switch {
			case u.Name == "":
				report(path, "a user needs a name")
			case list.application && u.ApplicationID == "":
				report(path, fmt.Sprintf("application user %q needs an application_id", u.Name))
			case !list.application && u.ApplicationID != "":
				report(append(path, "application_id"), fmt.Sprintf("%q has an application id: it belongs under application_users", u.Name))
			case list.application && u.UPN != "":
				report(append(path, "upn"), fmt.Sprintf("application user %q cannot have a user principal name", u.Name))
			}
			u.ApplicationID = strings.ToLower(u.ApplicationID)
			setDefault(&u.BusinessUnit, rootUnit(env).Name)
			setDefault(&u.EntraObjectID, deriveID(env.TenantID, "object", cmp.Or(u.UPN, u.ApplicationID, u.Name)))
			if u.ID == "" {
				u.ID = deriveID(env.Organization.ID, "systemuser", cmp.Or(u.UPN, u.ApplicationID, u.Name))
				if list.application && clash(list.users[:i], u.ID) {
					u.ID = deriveID(env.Organization.ID, "systemuser", u.ApplicationID, u.Name)
				}
			}
			if _, ok := u.AccessMode.number(); !ok && u.AccessMode != "" {
				oneOf(report, append(path, "access_mode"), u.AccessMode, append(accessModes(), ""))
			}
			oneOf(report, append(path, "entra_state"), u.EntraState, append(entraStates(), ""))
		}
	}
}

func clash(users []User, id string) bool {
	return slices.ContainsFunc(users, func(u User) bool { return same(u.ID, id) })
}

func normaliseTeams(env *Environment, report reporter) {
	root := rootUnit(env)
	hasDefault := map[string]bool{}
	index := newRefIndex(env)
	for i := range env.Teams {
		t, path := &env.Teams[i], []any{"teams", i}
		if t.Name == "" {
			report(path, "a team needs a name")
		}
		setDefault(&t.BusinessUnit, root.Name)
		setDefault(&t.ID, deriveID(env.Organization.ID, "team", t.Name, defaultSeed(t)))
		oneOf(report, append(path, "type"), t.Type, append(teamTypes(), ""))
		if t.Type == TeamAccess && len(t.Roles) > 0 {
			report(append(path, "roles"), fmt.Sprintf("%q is an access team: those cannot hold roles", t.Name))
		}
		if t.Default {
			if len(t.Members) > 0 {
				report(append(path, "members"), fmt.Sprintf("%q is a default team: its members are the users of its business unit", t.Name))
			}
			if id, err := index.resolve(refUnit, t.BusinessUnit); err == nil {
				hasDefault[id] = true
			}
		}
	}
	for _, b := range env.BusinessUnits {
		if hasDefault[strings.ToLower(b.ID)] {
			continue
		}
		t := Team{Name: b.Name, BusinessUnit: b.ID, Default: true}
		t.ID = deriveID(env.Organization.ID, "team", t.Name, defaultSeed(&t))
		env.Teams = append(env.Teams, t)
	}
}

func defaultSeed(t *Team) string {
	if t.Default {
		return "default"
	}
	return ""
}

func normaliseViews(env *Environment, report reporter) {
	for i := range env.PersonalViews {
		v, path := &env.PersonalViews[i], []any{"personal_views", i}
		if v.Name == "" || v.Table == "" || v.Owner == "" {
			report(path, "a personal view needs a name, a table and an owner")
		}
		v.Table = strings.ToLower(v.Table)
		setDefault(&v.ID, deriveID(env.Organization.ID, "userquery", v.Table, v.Name, v.Owner))
	}
	for i := range env.SystemViews {
		v, path := &env.SystemViews[i], []any{"system_views", i}
		if v.Name == "" || v.Table == "" {
			report(path, "a system view needs a name and a table")
		}
		v.Table = strings.ToLower(v.Table)
		setDefault(&v.ID, deriveID(env.Organization.ID, "savedquery", v.Table, v.Name))
	}
	for i := range env.ColumnSecurityProfiles {
		p := &env.ColumnSecurityProfiles[i]
		setDefault(&p.ID, deriveID(env.Organization.ID, "fieldsecurityprofile", p.Name))
		for _, column := range slices.Concat(p.Reads, p.Hides) {
			if table, name, _ := strings.Cut(column, "."); table == "" || name == "" {
				report([]any{"column_security_profiles", i}, fmt.Sprintf("%q is no column: write it as table.column", column))
			}
		}
	}
}

func checkClients(env *Environment, report reporter) {
	seen := map[string]bool{}
	for i := range env.Clients {
		c, path := &env.Clients[i], []any{"clients", i}
		id, ok := parseGUID(c.ApplicationID)
		if !ok {
			report(append(path, "application_id"), fmt.Sprintf("client %q needs an application id, a GUID; it has %q", c.Name, c.ApplicationID))
			continue
		}
		if seen[id] {
			report(append(path, "application_id"), fmt.Sprintf("application id %s is there twice", id))
		}
		seen[id] = true
		c.ApplicationID = id
		if _, err := newRegistration(c); err != nil {
			report(path, fmt.Sprintf("client %q: %v", c.Name, err))
		}
	}
}

// checkIDs puts ids into lower case, and finds bad ones and those that two things share.
func checkIDs(env *Environment, report reporter) {
	seen := map[string]bool{}
	check := func(id *string, path ...any) {
		canonical, ok := parseGUID(*id)
		switch {
		case !ok:
			report(path, fmt.Sprintf("%q is no id: write it as 8-4-4-4-12 hexadecimal digits", *id))
		case seen[canonical]:
			report(path, fmt.Sprintf("id %s is taken already (two things of the same name need an id each)", canonical))
		}
		seen[canonical] = true
		*id = canonical
	}
	check(&env.TenantID, "tenant_id")
	check(&env.Organization.ID, "organization", "id")
	for i := range env.BusinessUnits {
		check(&env.BusinessUnits[i].ID, "business_units", i)
	}
	for i := range env.Roles {
		check(&env.Roles[i].ID, "roles", i)
	}
	for i := range env.Users {
		check(&env.Users[i].ID, "users", i)
		env.Users[i].EntraObjectID = strings.ToLower(env.Users[i].EntraObjectID)
	}
	for i := range env.ApplicationUsers {
		check(&env.ApplicationUsers[i].ID, "application_users", i)
		env.ApplicationUsers[i].EntraObjectID = strings.ToLower(env.ApplicationUsers[i].EntraObjectID)
		if _, ok := parseGUID(env.ApplicationUsers[i].ApplicationID); !ok {
			report([]any{"application_users", i, "application_id"}, "an application id is a GUID")
		}
	}
	for i := range env.Teams {
		check(&env.Teams[i].ID, "teams", i)
	}
	for i := range env.PersonalViews {
		check(&env.PersonalViews[i].ID, "personal_views", i)
	}
	for i := range env.SystemViews {
		check(&env.SystemViews[i].ID, "system_views", i)
	}
	for i := range env.ColumnSecurityProfiles {
		check(&env.ColumnSecurityProfiles[i].ID, "column_security_profiles", i)
	}
}

// trimAssignments leaves out the business unit of a role's copy where it is the holder's own, so that
// a holder who moves takes the copy of the new unit. Holding the same copy twice is holding it once.
func trimAssignments(env *Environment, index *refIndex) {
	trim := func(roles []RoleAssignment, unit string) []RoleAssignment {
		home, _ := index.resolve(refUnit, unit)
		seen := map[[2]string]bool{}
		var out []RoleAssignment
		for _, a := range roles {
			role, _ := index.resolve(refRole, a.Role)
			at, _ := index.resolve(refUnit, a.BusinessUnit)
			if at == home {
				a.BusinessUnit, at = "", ""
			}
			if !seen[[2]string{role, at}] {
				seen[[2]string{role, at}] = true
				out = append(out, a)
			}
		}
		return out
	}
	for i := range env.Users {
		env.Users[i].Roles = trim(env.Users[i].Roles, env.Users[i].BusinessUnit)
	}
	for i := range env.ApplicationUsers {
		env.ApplicationUsers[i].Roles = trim(env.ApplicationUsers[i].Roles, env.ApplicationUsers[i].BusinessUnit)
	}
	for i := range env.Teams {
		env.Teams[i].Roles = trim(env.Teams[i].Roles, env.Teams[i].BusinessUnit)
	}
}

// mergeShares makes one share of all that a view has for a principal. A share of no right stays: the
// share table has such dead rows.
func mergeShares(env *Environment, index *refIndex) {
	for i := range env.PersonalViews {
		v := &env.PersonalViews[i]
		at := map[string]int{}
		var out []Share
		for _, s := range v.Shares {
			id, _ := index.resolve(refPrincipal, s.Principal)
			if j, ok := at[id]; ok {
				out[j].Access |= s.Access
				out[j].Inherited |= s.Inherited
				continue
			}
			at[id] = len(out)
			out = append(out, s)
		}
		v.Shares = out
	}
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

func oneOf[T ~string](report reporter, path []any, value T, allowed []T) {
	if slices.Contains(allowed, value) {
		return
	}
	var names []string
	for _, a := range allowed {
		if a != "" {
			names = append(names, string(a))
		}
	}
	report(path, fmt.Sprintf("%q is not one of %s", string(value), strings.Join(names, ", ")))
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// sameCatalogue says whether two environments define the same privileges.
func sameCatalogue(a, b *Environment) bool {
	return a.Organization.ID == b.Organization.ID &&
		slices.Equal(a.UndefinedTables, b.UndefinedTables) &&
		slices.Equal(a.UndefinedPrivileges, b.UndefinedPrivileges) &&
		slices.Equal(a.Contradictions, b.Contradictions) &&
		reflect.DeepEqual(a.ExtraPrivileges, b.ExtraPrivileges)
}
