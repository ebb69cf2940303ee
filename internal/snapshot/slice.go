package snapshot

import "slices"

// Slice is the part of a snapshot that is judged, and so the input of every policy,
// whoever runs it: the users that the requirement may mean and the owners of views;
// the teams of that user and those that own views; the user's roles and those with a
// matching name, with what they grant; the shares of the user and its teams. Everything
// else stays as it is, the digest of the whole included. Files of a solution hold nothing
// but what is judged.
//
// The pattern is the part of a name by which user and role are deduced where the
// requirement names none.
func (s *Snapshot) Slice(pattern string) *Snapshot {
	part := *s
	if s.Source == SourceSolution {
		return &part
	}
	r, owners := s.Requirement, s.owners()
	principals, roots := s.Reach(r, pattern)
	part.Users = only(s.Users, func(id string, u User) bool { return owners[id] || r.Fits(u, pattern) })
	part.Teams = only(s.Teams, func(id string, _ Team) bool { return owners[id] || principals[id] })
	part.Roles = only(s.Roles, func(_ string, role Role) bool { return roots[role.RootID] })
	part.RolePrivileges = only(s.RolePrivileges, func(root string, _ map[string]Depth) bool { return roots[root] })
	part.FilteredPrivileges = only(s.FilteredPrivileges, func(root string, _ map[string]string) bool { return roots[root] })
	part.UnreadablePrivileges = only(s.UnreadablePrivileges, func(root string, _ map[string]string) bool { return roots[root] })
	part.Shares = only(s.Shares, func(id string, _ map[string]Share) bool { return principals[id] })
	return &part
}

// only copies the members that are wanted.
func only[V any](m map[string]V, wanted func(key string, v V) bool) map[string]V {
	some := map[string]V{}
	for key, v := range m {
		if wanted(key, v) {
			some[key] = v
		}
	}
	return some
}

// owners are the users and teams that own a view.
func (s *Snapshot) owners() map[string]bool {
	owners := map[string]bool{}
	for _, v := range s.Views {
		owners[v.OwnerID] = true
	}
	return owners
}

// User is the id of the single user that the requirement names and that is not
// soft-deleted; ok is false if there is none or more than one.
func (s *Snapshot) User(r Requirement, pattern string) (id string, ok bool) {
	count := 0
	for candidate, user := range s.Users {
		if !user.Deleted && r.Fits(user, pattern) {
			id = candidate
			count++
		}
	}
	if count != 1 {
		return "", false
	}
	return id, true
}

// rolesOf are the ids of the roles that are assigned to a user, directly or through a team.
func (s *Snapshot) rolesOf(user string) []string {
	ids := slices.Clone(s.Users[user].Roles)
	for _, team := range s.Users[user].Teams {
		ids = append(ids, s.Teams[team].Roles...)
	}
	return ids
}

// Reach names the principals whose shares, and the root roles whose privileges,
// may matter to a verdict: the integration user and its teams; the roles that
// are assigned to them, and those whose name fits the requirement.
func (s *Snapshot) Reach(r Requirement, pattern string) (principals, roots map[string]bool) {
	principals, roots = map[string]bool{}, map[string]bool{}
	if id, ok := s.User(r, pattern); ok {
		principals[id] = true
		for _, team := range s.Users[id].Teams {
			principals[team] = true
		}
		for _, role := range s.rolesOf(id) {
			roots[s.Roles[role].RootID] = true
		}
	}
	for _, role := range s.Roles {
		if r.FitsRole(role.Name, pattern) {
			roots[role.RootID] = true
		}
	}
	return principals, roots
}

// Held names the custom roles that are assigned to a user, directly or through a team, by
// their roots.
func (s *Snapshot) Held(user string) map[string]string {
	held := map[string]string{}
	for _, id := range s.rolesOf(user) {
		if role, known := s.Roles[id]; known && role.TemplateID == "" {
			held[role.RootID] = role.Name
		}
	}
	return held
}
