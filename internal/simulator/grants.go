package simulator

import (
	"fmt"
	"maps"
	"slices"
)

func normaliseRoles(env *Environment, cat *catalogue, report reporter) {
	root := rootUnit(env)
	for i := range env.Roles {
		r := &env.Roles[i]
		setDefault(&r.BusinessUnit, root.Name)
		seed := r.Name
		if !same(r.BusinessUnit, root.Name) && !same(r.BusinessUnit, root.ID) {
			seed += "\x00" + r.BusinessUnit
		}
		setDefault(&r.ID, deriveID(env.Organization.ID, "role", seed))
		r.Template = templateID(r.Template)
	}
	for i := range env.Roles {
		inherit(env, i, nil, report)
	}
	for i := range env.Roles {
		normaliseGrants(env, i, cat, report)
	}
}

// inherit works Like and PlatformDefaults of role i into its grants.
func inherit(env *Environment, i int, below []int, report reporter) {
	r, path := &env.Roles[i], at("roles", i, "like")
	if slices.Contains(below, i) {
		report(path, fmt.Sprintf("%q is like itself in the end", r.Name))
		return
	}
	if r.Like == "" && !r.PlatformDefaults {
		return
	}
	all := Grants{}
	if r.Like != "" {
		base := slices.IndexFunc(env.Roles, func(o Role) bool { return same(o.Name, r.Like) || same(o.ID, r.Like) })
		if base < 0 {
			report(path, fmt.Sprintf("there is no role %q", r.Like))
			return
		}
		inherit(env, base, append(below, i), report)
		maps.Copy(all, env.Roles[base].Privileges)
	}
	if r.PlatformDefaults {
		for _, name := range platformDefaults() {
			all[name] = DepthGlobal
		}
	}
	for name, depth := range r.Privileges {
		maps.DeleteFunc(all, func(other string, _ Depth) bool { return same(other, name) })
		all[name] = depth
	}
	r.Privileges, r.Like, r.PlatformDefaults = all, "", false
}

// normaliseGrants spells the privileges of role i as the catalogue does, drops those that the
// environment does not define, and finds depths that a privilege does not allow.
func normaliseGrants(env *Environment, i int, cat *catalogue, report reporter) {
	r := &env.Roles[i]
	if !wellFormed(r.Privileges, cat) {
		r.Privileges = spell(r, cat, at("roles", i, "privileges"), report)
	}
	for _, name := range append(slices.Clone(r.RecordFilters), slices.Sorted(maps.Keys(r.DepthWords))...) {
		if r.Privileges[name] == DepthNone {
			report(at("roles", i), fmt.Sprintf("role %q: %s has a record filter or a word for its depth, and is not granted", r.Name, name))
		}
	}
}

func spell(r *Role, cat *catalogue, path []string, report reporter) Grants {
	standard := newCatalogue(&Environment{})
	spelt := make(Grants, len(r.Privileges))
	for _, name := range slices.Sorted(maps.Keys(r.Privileges)) {
		depth, path := r.Privileges[name], append(slices.Clone(path), name)
		p := cat.privilege(name)
		if p == nil {
			if standard.privilege(name) == nil {
				report(path, fmt.Sprintf("role %q: there is no privilege %q", r.Name, name))
			}
			continue // it is undefined here
		}
		if depth == DepthDeepest {
			depth = p.Deepest()
		}
		if !p.Allows(depth) {
			report(path, fmt.Sprintf("role %q: %s cannot be granted at depth %s", r.Name, p.Name, depth))
		}
		if spelt[p.Name] != DepthNone {
			report(path, fmt.Sprintf("role %q: %s is granted twice", r.Name, p.Name))
		}
		spelt[p.Name] = depth
	}
	return spelt
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
