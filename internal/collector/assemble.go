package collector

import (
	"cmp"
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// assemble builds the snapshot. It does not depend on the order in which responses arrived.
func (c *collection) assemble() *snapshot.Snapshot {
	s := snapshot.New()
	s.Scope, s.Source, s.Tool, s.TakenAt = c.Scope, snapshot.SourceEnvironment, c.Tool, c.takenAt
	s.Requirement = c.Requirement
	s.Environment = c.Environment
	s.Environment.OrganizationID = c.organizationID
	s.Organization = c.organization.Organization
	for _, section := range snapshot.Sections() {
		s.Coverage[section] = c.coverage(section)
	}
	for _, u := range slices.Concat(c.owners, c.users) {
		s.Users[u.ID] = u.toSnapshot()
	}
	for id, t := range c.relevantTeams() {
		s.Teams[id] = t.toSnapshot()
	}
	for _, t := range c.teams {
		s.Teams[t.id] = t.toSnapshot()
	}
	for _, u := range c.relevantUnits() {
		s.BusinessUnits[u.id] = u.BusinessUnit
	}
	for _, d := range c.definitions {
		s.Privileges[d.name] = d.Privilege
	}
	roles := c.knownRoles()
	maps.Copy(roles, c.confirmedRoles)
	for id, r := range roles {
		if c.requestedRoots[r.RootID] && !r.inactive {
			s.Roles[id] = r.Role
		}
	}
	for root, g := range c.grants {
		s.RolePrivileges[root] = g.depths
		if len(g.filtered) > 0 {
			s.FilteredPrivileges[root] = g.filtered
		}
		if len(g.unreadable) > 0 {
			s.UnreadablePrivileges[root] = g.unreadable
		}
	}
	for _, v := range c.systemViews {
		s.SystemViews[v.id] = v.SystemView
	}
	c.assembleViews(s)
	c.assembleShares(s)
	return s
}

// assembleViews joins the views that several identities saw. If they saw a view differently, the
// integration user's row counts.
func (c *collection) assembleViews(s *snapshot.Snapshot) {
	add := func(viewer snapshot.Viewer, views []view) {
		for _, v := range views {
			seenBy := append(s.Views[v.id].SeenBy, viewer)
			slices.SortFunc(seenBy, func(a, b snapshot.Viewer) int { return cmp.Compare(a.String(), b.String()) })
			v.SeenBy = slices.Compact(seenBy)
			s.Views[v.id] = v.View
		}
	}
	add(snapshot.ViewerAuditor, c.auditorViews)
	add(snapshot.ViewerOwner, c.ownerViews)
	add(snapshot.ViewerIntegrationUser, c.userViews)
}

func (c *collection) assembleShares(s *snapshot.Snapshot) {
	masks, own := map[[2]string]int{}, map[[2]string]int{}
	for _, share := range c.shares {
		if !share.otherTable {
			key := [2]string{share.Principal, share.view}
			masks[key] |= share.Mask
			own[key] |= share.Mask &^ share.inherited
		}
	}
	for key, mask := range masks {
		rights := snapshot.RightsOf(mask)
		if len(rights) == 0 {
			continue // a row without rights is left of a revoked share
		}
		if s.Shares[key[0]] == nil {
			s.Shares[key[0]] = map[string]snapshot.Share{}
		}
		s.Shares[key[0]][key[1]] = snapshot.Share{Rights: rights, Inherited: snapshot.RightsOf(mask &^ own[key])}
	}
}

func (u User) toSnapshot() snapshot.User {
	u.Roles = activeRoleIDs(u.roles)
	teams := map[string]bool{}
	for _, t := range u.teams {
		teams[t.id] = true
	}
	u.Teams = sortedKeys(teams)
	return u.User
}

func (t team) toSnapshot() snapshot.Team {
	t.Roles = activeRoleIDs(t.roles)
	return t.Team
}

func activeRoleIDs(roles []role) []string {
	ids := map[string]bool{}
	for _, r := range roles {
		if !r.inactive {
			ids[r.id] = true
		}
	}
	return sortedKeys(ids)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
