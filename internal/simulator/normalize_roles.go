package simulator

import (
	"fmt"
	"maps"
	"slices"
)

func normalizeRoles(env *Environment, cat *catalogue, report reporter) {
	root := rootUnit(env)
	for _, r := range pointers(env.Roles) {
		setDefault(&r.BusinessUnit, root.Name)
		seed := r.Name
		if !sameRef(r.BusinessUnit, root.Name) && !sameRef(r.BusinessUnit, root.ID) {
			seed += "\x00" + r.BusinessUnit
		}
		setDefault(&r.ID, deriveID(env.Organization.ID, "role", seed))
		r.Template = templateID(r.Template)
	}
	for i := range env.Roles {
		resolveInheritance(env, i, nil, report)
	}
	for i := range env.Roles {
		normalizeGrants(&env.Roles[i], cat, pathTo("roles", i), report)
	}
}

// resolveInheritance adds the privileges that Like and PlatformDefaults of role i stand for. derived has
// the roles that inherit from role i.
func resolveInheritance(env *Environment, i int, derived []int, report reporter) {
	r, path := &env.Roles[i], pathTo("roles", i, "like")
	if slices.Contains(derived, i) {
		report(path, fmt.Sprintf("%q is like itself, directly or through other roles", r.Name))
		return
	}
	if r.Like == "" && !r.PlatformDefaults {
		return
	}
	all := Grants{}
	if r.Like != "" {
		base := slices.IndexFunc(env.Roles, func(o Role) bool { return sameRef(o.Name, r.Like) || sameRef(o.ID, r.Like) })
		if base < 0 {
			report(path, fmt.Sprintf("there is no role %q", r.Like))
			return
		}
		resolveInheritance(env, base, append(derived, i), report)
		maps.Copy(all, env.Roles[base].Privileges)
	}
	if r.PlatformDefaults {
		for _, name := range defaultPrivileges() {
			all[name] = DepthGlobal
		}
	}
	for name, depth := range r.Privileges {
		maps.DeleteFunc(all, func(other string, _ Depth) bool { return sameRef(other, name) })
		all[name] = depth
	}
	r.Privileges, r.Like, r.PlatformDefaults = all, "", false
}

// normalizeGrants spells the privileges of a role as the catalogue does, and removes those that the
// environment does not define. It reports depths that a privilege does not allow.
func normalizeGrants(r *Role, cat *catalogue, path []string, report reporter) {
	var names []string // of the grants to change or to report
	for name, depth := range r.Privileges {
		if p := cat.privilege(name); p == nil || p.Name != name || !p.Allows(depth) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		depth, grantPath := r.Privileges[name], append(slices.Clip(path), "privileges", name)
		delete(r.Privileges, name)
		p := cat.privilege(name)
		if p == nil {
			if !isStandardPrivilege(name) {
				report(grantPath, fmt.Sprintf("role %q: the privilege %q does not exist", r.Name, name))
			}
			continue // the environment does not define it
		}
		if depth == DepthDeepest {
			depth = p.Deepest()
		}
		if !p.Allows(depth) {
			report(grantPath, fmt.Sprintf("role %q: %s cannot be granted at depth %s", r.Name, p.Name, depth))
		}
		if r.Privileges[p.Name] != DepthNone {
			report(grantPath, fmt.Sprintf("role %q: %s is granted twice", r.Name, p.Name))
		}
		r.Privileges[p.Name] = depth
	}
	for _, name := range append(slices.Clone(r.RecordFilters), slices.Sorted(maps.Keys(r.DepthWords))...) {
		if r.Privileges[name] == DepthNone {
			report(path, fmt.Sprintf("role %q: %s has a record filter or a depth word, but is not granted", r.Name, name))
		}
	}
}
