package simulator

import (
	"fmt"
	"slices"
	"strings"
)

// A refKind is what a reference may point to.
type refKind string

const (
	refUnit      refKind = "business unit"
	refRole      refKind = "role"
	refUser      refKind = "user"
	refTeam      refKind = "team"
	refPrincipal refKind = "user or team"
)

// eachRef visits every reference that the environment holds, with its path. References that are left
// out are not visited.
func eachRef(env *Environment, visit func(kind refKind, ref *string, path ...any)) {
	one := func(kind refKind, ref *string, path ...any) {
		if *ref != "" {
			visit(kind, ref, path...)
		}
	}
	assignments := func(roles []RoleAssignment, key string, i int) {
		for j := range roles {
			one(refRole, &roles[j].Role, key, i, "roles", j)
			one(refUnit, &roles[j].BusinessUnit, key, i, "roles", j, "business_unit")
		}
	}
	for i := range env.BusinessUnits {
		one(refUnit, &env.BusinessUnits[i].Parent, "business_units", i, "parent")
	}
	for i := range env.Roles {
		one(refUnit, &env.Roles[i].BusinessUnit, "roles", i, "business_unit")
	}
	users := func(list []User, key string) {
		for i := range list {
			one(refUnit, &list[i].BusinessUnit, key, i, "business_unit")
			assignments(list[i].Roles, key, i)
		}
	}
	users(env.Users, "users")
	users(env.ApplicationUsers, "application_users")
	for i := range env.Teams {
		one(refUnit, &env.Teams[i].BusinessUnit, "teams", i, "business_unit")
		assignments(env.Teams[i].Roles, "teams", i)
		for j := range env.Teams[i].Members {
			one(refUser, &env.Teams[i].Members[j], "teams", i, "members", j)
		}
	}
	for i := range env.PersonalViews {
		v := &env.PersonalViews[i]
		one(refPrincipal, &v.Owner, "personal_views", i, "owner")
		for j := range v.Shares {
			one(refPrincipal, &v.Shares[j].Principal, "personal_views", i, "shares", j, "principal")
		}
	}
	for i := range env.ColumnSecurityProfiles {
		for j := range env.ColumnSecurityProfiles[i].Members {
			one(refUser, &env.ColumnSecurityProfiles[i].Members[j], "column_security_profiles", i, "members", j)
		}
		for j := range env.ColumnSecurityProfiles[i].Teams {
			one(refTeam, &env.ColumnSecurityProfiles[i].Teams[j], "column_security_profiles", i, "teams", j)
		}
	}
}

// A refTarget is something that can be referred to.
type refTarget struct {
	kind refKind
	id   string
	// names are what it answers to beside its id, the preferred one first.
	names []string
	// implied targets give way to others of the same name: default teams are called like their unit.
	implied bool
}

// A refIndex resolves references, by name or id, to ids.
type refIndex struct {
	byName map[string][]*refTarget
	byID   map[string]*refTarget
}

func newRefIndex(env *Environment) *refIndex {
	x := &refIndex{byName: map[string][]*refTarget{}, byID: map[string]*refTarget{}}
	add := func(t refTarget) {
		t.id = strings.ToLower(t.id)
		x.byID[t.id] = &t
		for _, name := range t.names {
			name = strings.ToLower(name)
			if name != "" && !slices.Contains(x.byName[name], &t) {
				x.byName[name] = append(x.byName[name], &t)
			}
		}
	}
	for _, b := range env.BusinessUnits {
		add(refTarget{kind: refUnit, id: b.ID, names: []string{b.Name}})
	}
	for _, r := range env.Roles {
		add(refTarget{kind: refRole, id: r.ID, names: []string{r.Name}})
	}
	for _, u := range slices.Concat(env.Users, env.ApplicationUsers) {
		add(refTarget{kind: refUser, id: u.ID, names: []string{u.UPN, u.Name, u.ApplicationID}})
	}
	for _, t := range env.Teams {
		add(refTarget{kind: refTeam, id: t.ID, names: []string{t.Name}, implied: t.Default})
	}
	return x
}

func (k refKind) accepts(t *refTarget) bool {
	return t.kind == k || k == refPrincipal && (t.kind == refUser || t.kind == refTeam)
}

// resolve gives the id that a reference points to. The empty reference resolves to the empty id.
func (x *refIndex) resolve(kind refKind, ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	if t := x.byID[strings.ToLower(ref)]; t != nil && kind.accepts(t) {
		return t.id, nil
	}
	var found, implied []*refTarget
	for _, t := range x.byName[strings.ToLower(ref)] {
		switch {
		case !kind.accepts(t):
		case t.implied:
			implied = append(implied, t)
		default:
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		found = implied
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("there is no %s %q", kind, ref)
	case 1:
		return found[0].id, nil
	default:
		return "", fmt.Errorf("%q could be any of %d: refer to the %s by id", ref, len(found), kind)
	}
}

// name gives the preferred unambiguous name for what a reference points to, its id if there is none.
func (x *refIndex) name(kind refKind, ref string) string {
	id, err := x.resolve(kind, ref)
	if err != nil {
		return ref
	}
	for _, name := range x.byID[id].names {
		if again, err := x.resolve(kind, name); err == nil && again == id && name != "" {
			return name
		}
	}
	return id
}

// pinReferences replaces every reference by the id that it points to, so that renaming or adding
// things cannot change what a reference means. The environment must be normalised.
func pinReferences(env *Environment) {
	index := newRefIndex(env)
	eachRef(env, func(kind refKind, ref *string, _ ...any) {
		if id, err := index.resolve(kind, *ref); err == nil {
			*ref = id
		}
	})
}

// nameReferences replaces every reference by a name, where one is unambiguous, as a person writes it.
func nameReferences(env *Environment) {
	index := newRefIndex(env)
	eachRef(env, func(kind refKind, ref *string, _ ...any) { *ref = index.name(kind, *ref) })
}
