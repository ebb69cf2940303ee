package solution

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Minimum is the part of a profile's requirements that a role's snapshot depends on.
type Minimum struct {
	// Privileges are the names of the privileges that the profile requires.
	Privileges []string
	// Depths has the access levels that the profile or the configuration requires, by
	// privilege. Other privileges require the highest level that they allow.
	Depths map[string]audit.Depth
}

// Snapshot returns the role as a snapshot for the policies. The sections that a file can contain are
// collected; the others are inapplicable. The notes list the privileges of the minimum for which only
// presence is judged, because no source states their access levels.
//
// Names are compared in any letter case. In the snapshot they have the spelling of the profile or, for
// others, of the table of standard privileges. If a privilege has several entries, the deepest counts.
func (r Role) Snapshot(
	requirement snapshot.Requirement, minimum Minimum, standard *PrivilegeTable, tool snapshot.Tool,
) (s *snapshot.Snapshot, notes []string, err error) {
	s = newSnapshot(r.File, requirement, tool)
	s.Requirement.Role = r.Name
	key := r.Key()
	s.Roles[key] = snapshot.Role{
		Customizable: r.Customizable, Inherited: r.Inherited, Managed: r.Managed, Name: r.Name, RootID: key,
	}
	spelling := map[string]string{} // of the profile, by the name in lower case
	for _, name := range minimum.Privileges {
		spelling[strings.ToLower(name)] = name
	}
	first := make(map[string]string, len(r.Entries)) // the first spelling, by the name in lower case
	grants := make(map[string]audit.Depth, len(r.Entries))
	entries := make([]snapshot.RoleEntry, len(r.Entries))
	for i, e := range r.Entries {
		lower := strings.ToLower(e.Name)
		known, _ := standard.Spelling(lower)
		known = cmp.Or(spelling[lower], known)
		entries[i] = snapshot.RoleEntry{Name: e.Name, Level: e.Level, Line: e.Position.Line, Column: e.Position.Column, Standard: known}
		if known == "" {
			entries[i].Nearest = standard.Nearest(lower)
		}
		name := cmp.Or(known, first[lower], e.Name)
		first[lower] = name
		if depth := e.Depth(); name != "" && depth > grants[name] {
			grants[name] = depth
		}
		if depths := standard.Depths(lower); depths != nil {
			s.Privileges[name] = snapshot.Privilege{Depths: depths}
		}
	}
	s.RolePrivileges[key] = grants
	s.RoleEntries = map[string][]snapshot.RoleEntry{key: entries}
	var presenceOnly []string
	isMissing := false
	for _, name := range minimum.Privileges {
		_, required := minimum.Depths[name]
		if depths := standard.Depths(name); depths != nil || required {
			s.Privileges[name] = snapshot.Privilege{Depths: orAllDepths(depths)}
			continue
		}
		s.Privileges[name] = snapshot.Privilege{Depths: []audit.Depth{}}
		presenceOnly = append(presenceOnly, name)
		isMissing = isMissing || grants[name] == audit.DepthNone
	}
	if len(presenceOnly) > 0 {
		slices.Sort(presenceOnly)
		note := "only presence is judged, because no source says which access levels these allow: " + strings.Join(presenceOnly, ", ")
		if isMissing {
			note += "; for a missing one, the named level is that of the role's other privileges on its table, else Organization"
		}
		notes = append(notes, note)
	}
	return s, notes, s.Seal()
}

// SnapshotWithoutRole returns the snapshot of files that do not contain the required role.
func SnapshotWithoutRole(
	name string, requirement snapshot.Requirement, minimum Minimum, standard *PrivilegeTable, tool snapshot.Tool,
) (*snapshot.Snapshot, error) {
	s := newSnapshot(name, requirement, tool)
	for _, privilege := range minimum.Privileges {
		s.Privileges[privilege] = snapshot.Privilege{Depths: orAllDepths(standard.Depths(privilege))}
	}
	return s, s.Seal()
}

// orAllDepths returns depths or, if that is nil, all depths.
func orAllDepths(depths []audit.Depth) []audit.Depth {
	if depths == nil {
		return audit.Depths()
	}
	return depths
}

// newSnapshot returns a snapshot of files, without roles.
func newSnapshot(name string, requirement snapshot.Requirement, tool snapshot.Tool) *snapshot.Snapshot {
	s := snapshot.New()
	s.Source, s.Scope, s.Tool = snapshot.SourceSolution, snapshot.ScopeIntegration, tool
	s.Environment.Name = name
	s.Requirement = requirement
	for _, section := range snapshot.Sections() {
		s.Coverage[section] = snapshot.Coverage{State: snapshot.StateInapplicable, Detail: "a solution's files cannot contain it"}
	}
	for _, section := range []snapshot.Section{snapshot.SectionRoles, snapshot.SectionRolePrivileges, snapshot.SectionPrivileges} {
		s.Coverage[section] = snapshot.Coverage{State: snapshot.StateCollected}
	}
	return s
}
