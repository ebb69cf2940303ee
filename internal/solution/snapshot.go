package solution

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Minimum is what a profile asks for, as far as a role's snapshot depends on it.
type Minimum struct {
	// Privileges are the names that the profile asks for.
	Privileges []string
	// Depths are the access levels that the profile or the configuration asks for,
	// by name; those of other privileges are left to what the privilege allows.
	Depths map[string]snapshot.Depth
}

// Snapshot is the role as the policies read it: the sections that a file can hold
// are collected, the others cannot be in it. The notes say which privileges of the
// minimum are judged by their presence alone, because no source says which access
// levels they allow.
//
// Names are compared in any case. In the snapshot, they have the spelling of the profile
// or, for others, of the table of standard privileges. Of several entries for one privilege
// the deepest counts.
func (r Role) Snapshot(requirement snapshot.Requirement, minimum Minimum, standard *Standard, tool snapshot.Tool) (s *snapshot.Snapshot, notes []string, err error) {
	s = snapshot.New()
	s.Source, s.Scope, s.Tool = snapshot.SourceSolution, snapshot.ScopeIntegration, tool
	s.Environment.Name = r.File
	s.Requirement = requirement
	s.Requirement.Role = r.Name
	s.Coverage = coverage()
	key := r.Key()
	s.Roles[key] = snapshot.Role{
		Customizable: r.Customizable, Inherited: r.Inherited, Managed: r.Managed, Name: r.Name, RootID: key,
	}
	wanted := map[string]string{}
	for _, name := range minimum.Privileges {
		wanted[strings.ToLower(name)] = name
	}
	spelling := func(name string) string {
		if w, ok := wanted[strings.ToLower(name)]; ok {
			return w
		}
		if known, ok := standard.Spelling(name); ok {
			return known
		}
		return name
	}
	grants := map[string]snapshot.Depth{}
	byLower := map[string]string{} // spellings of names that nobody knows
	entries := make([]snapshot.RoleEntry, len(r.Entries))
	for i, e := range r.Entries {
		name := spelling(e.Name)
		if first, ok := byLower[strings.ToLower(name)]; ok {
			name = first
		}
		byLower[strings.ToLower(name)] = name
		known, _ := standard.Spelling(e.Name)
		entries[i] = snapshot.RoleEntry{
			Name: e.Name, Level: e.Level, Line: e.At.Line, Column: e.At.Column, Standard: first(wanted[strings.ToLower(e.Name)], known),
		}
		if entries[i].Standard == "" {
			entries[i].Nearest = standard.Nearest(e.Name)
		}
		if depth := e.Depth(); name != "" && depth > grants[name] {
			grants[name] = depth
		}
		if depths := standard.Depths(name); depths != nil {
			s.Privileges[name] = snapshot.Privilege{Depths: depths}
		}
	}
	s.RolePrivileges[key] = grants
	s.RoleEntries = map[string][]snapshot.RoleEntry{key: entries}
	var present []string
	missing := false
	for _, name := range minimum.Privileges {
		depths := standard.Depths(name)
		if depths == nil {
			depths = snapshot.Depths()
			if _, asked := minimum.Depths[name]; !asked {
				depths = []snapshot.Depth{} // then the policies judge by presence
				present = append(present, name)
				missing = missing || grants[name] == snapshot.DepthNone
			}
		}
		s.Privileges[name] = snapshot.Privilege{Depths: depths}
	}
	if len(present) > 0 {
		slices.Sort(present)
		note := "judged by presence alone, because no source says which access levels they allow: " + strings.Join(present, ", ")
		if missing {
			note += "; the level named for one that is missing is that of the role's other privileges on its table, else global"
		}
		notes = append(notes, note)
	}
	if err := s.Seal(); err != nil {
		return nil, nil, err
	}
	return s, notes, nil
}

// Nowhere is the snapshot of files in which the role that is looked for is not.
func Nowhere(name string, requirement snapshot.Requirement, minimum Minimum, standard *Standard, tool snapshot.Tool) (*snapshot.Snapshot, error) {
	s := snapshot.New()
	s.Source, s.Scope, s.Tool = snapshot.SourceSolution, snapshot.ScopeIntegration, tool
	s.Environment.Name = name
	s.Requirement = requirement
	s.Coverage = coverage()
	for _, privilege := range minimum.Privileges {
		depths := standard.Depths(privilege)
		if depths == nil {
			depths = snapshot.Depths()
		}
		s.Privileges[privilege] = snapshot.Privilege{Depths: depths}
	}
	if err := s.Seal(); err != nil {
		return nil, err
	}
	return s, nil
}

// coverage says of every section whether a solution's files can hold it.
func coverage() map[snapshot.Section]snapshot.Coverage {
	all := map[snapshot.Section]snapshot.Coverage{}
	for _, section := range snapshot.Sections() {
		switch section {
		case snapshot.SectionRoles, snapshot.SectionRolePrivileges, snapshot.SectionPrivileges:
			all[section] = snapshot.Coverage{State: snapshot.StateCollected}
		case snapshot.SectionOrganization, snapshot.SectionBusinessUnits, snapshot.SectionUsers, snapshot.SectionTeams,
			snapshot.SectionUserViews, snapshot.SectionViews, snapshot.SectionSystemViews, snapshot.SectionShares:
			all[section] = snapshot.Coverage{State: snapshot.StateInapplicable, Detail: "a solution's files cannot hold it"}
		}
	}
	return all
}

func first[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}
