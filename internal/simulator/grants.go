package simulator

import (
	"fmt"
	"maps"
	"slices"
)

func normaliseRoles(env *Environment, cat *catalogue, report reporter) {
	root := rootUnit(env)
	for _, r := range pointers(env.Roles) {
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
		normaliseGrants(&env.Roles[i], cat, at("roles", i), report)
	}
}

// inherit adds what Like and PlatformDefaults of role i mean to its grants.
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

// normaliseGrants spells the privileges of a role as the catalogue does, drops those that the
// environment does not define, and finds depths that a privilege does not allow.
func normaliseGrants(r *Role, cat *catalogue, path []string, report reporter) {
	var odd []string
	for name, depth := range r.Privileges {
		if p := cat.privilege(name); p == nil || p.Name != name || !p.Allows(depth) {
			odd = append(odd, name)
		}
	}
	slices.Sort(odd)
	for _, name := range odd {
		depth, place := r.Privileges[name], append(slices.Clip(path), "privileges", name)
		delete(r.Privileges, name)
		p := cat.privilege(name)
		if p == nil {
			if !isStandard(name) {
				report(place, fmt.Sprintf("role %q: the privilege %q does not exist", r.Name, name))
			}
			continue // it is undefined here
		}
		if depth == DepthDeepest {
			depth = p.Deepest()
		}
		if !p.Allows(depth) {
			report(place, fmt.Sprintf("role %q: %s cannot be granted at depth %s", r.Name, p.Name, depth))
		}
		if r.Privileges[p.Name] != DepthNone {
			report(place, fmt.Sprintf("role %q: %s is granted twice", r.Name, p.Name))
		}
		r.Privileges[p.Name] = depth
	}
	for _, name := range append(slices.Clone(r.RecordFilters), slices.Sorted(maps.Keys(r.DepthWords))...) {
		if r.Privileges[name] == DepthNone {
			report(path, fmt.Sprintf("role %q: %s has a record filter or a word for its depth, and is not granted", r.Name, name))
		}
	}
}
