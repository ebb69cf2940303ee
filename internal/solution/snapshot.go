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
	// Privileges are the names that the profile asks for.
	Privileges []string
	// Depths are the access levels that the profile or the configuration requires, by
	// name; other privileges need the highest level that they allow.
	Depths map[string]audit.Depth
}

// Snapshot is the role as the policies read it: the sections that a file can contain
// are collected, the others are absent. The notes say for which privileges of the minimum only presence is
// judged, because no source says which access
// levels they allow.
//
// Names are compared in any case. In the snapshot, they have the spelling of the profile
// or, for others, of the table of standard privileges. Of several entries for one privilege
// the deepest counts.
func (r Role) Snapshot(requirement snapshot.Requirement, minimum Minimum, standard *PrivilegeTable, tool snapshot.Tool) (s *snapshot.Snapshot, notes []string, err error) {
	s = newSnapshot(r.File, requirement, tool)
	s.Requirement.Role = r.Name
	key := r.Key()
	s.Roles[key] = snapshot.Role{
		Customizable: r.Customizable, Inherited: r.Inherited, Managed: r.Managed, Name: r.Name, RootID: key,
	}
	spelt := map[string]string{} // by the name in lower case
	for _, name := range minimum.Privileges {
		spelt[strings.ToLower(name)] = name
	}
	first := make(map[string]string, len(r.Entries)) // the spelling of unknown names
	grants := make(map[string]audit.Depth, len(r.Entries))
	entries := make([]snapshot.RoleEntry, len(r.Entries))
	for i, e := range r.Entries {
		lower := strings.ToLower(e.Name)
		known, _ := standard.Spelling(lower)
		known = cmp.Or(spelt[lower], known)
		entries[i] = snapshot.RoleEntry{Name: e.Name, Level: e.Level, Line: e.At.Line, Column: e.At.Column, Standard: known}
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
	var present []string // privileges that are judged by their presence
	missing := false
	for _, name := range minimum.Privileges {
		_, asked := minimum.Depths[name]
		if depths := standard.Depths(name); depths != nil || asked {
			s.Privileges[name] = snapshot.Privilege{Depths: orAllDepths(depths)}
			continue
		}
		s.Privileges[name] = snapshot.Privilege{Depths: []audit.Depth{}}
		present = append(present, name)
		missing = missing || grants[name] == audit.DepthNone
	}
	if len(present) > 0 {
		slices.Sort(present)
		note := "only presence is judged, because no source says which access levels these allow: " + strings.Join(present, ", ")
		if missing {
			note += "; for a missing one, the named level is that of the role's other privileges on its table, else global"
		}
		notes = append(notes, note)
	}
	return s, notes, s.Seal()
}

// SnapshotWithoutRole is the snapshot of files that do not have the required role.
func SnapshotWithoutRole(name string, requirement snapshot.Requirement, minimum Minimum, standard *PrivilegeTable, tool snapshot.Tool) (*snapshot.Snapshot, error) {
	s := newSnapshot(name, requirement, tool)
	for _, privilege := range minimum.Privileges {
		s.Privileges[privilege] = snapshot.Privilege{Depths: orAllDepths(standard.Depths(privilege))}
	}
	return s, s.Seal()
}

// orAllDepths is depths, or all of them if they are not known.
func orAllDepths(depths []audit.Depth) []audit.Depth {
	if depths == nil {
		return audit.Depths()
	}
	return depths
}

// newSnapshot is the snapshot of files without a role.
func newSnapshot(name string, requirement snapshot.Requirement, tool snapshot.Tool) *snapshot.Snapshot {
	s := snapshot.New()
	s.Source, s.Scope, s.Tool = snapshot.SourceSolution, snapshot.ScopeIntegration, tool
	s.Environment.Name = name
	s.Requirement = requirement
	s.Coverage = coverage()
	return s
}

// coverage says for each section whether a solution's files can contain it.
func coverage() map[snapshot.Section]snapshot.Coverage {
	all := map[snapshot.Section]snapshot.Coverage{}
	for _, section := range snapshot.Sections() {
		all[section] = snapshot.Coverage{State: snapshot.StateInapplicable, Detail: "a solution's files cannot contain it"}
	}
	for _, section := range []snapshot.Section{snapshot.SectionRoles, snapshot.SectionRolePrivileges, snapshot.SectionPrivileges} {
		all[section] = snapshot.Coverage{State: snapshot.StateCollected}
	}
	return all
}
