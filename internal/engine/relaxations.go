package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// relaxations returns notes about requirements that the profile or the configuration makes less
// strict than the default: depths, severities, tables of views and allowed privileges. A reader
// of the verdict must know them.
func (e *Engine) relaxations(s *snapshot.Snapshot, p profile.Profile) []string {
	var notes []string
	note := func(text string, items []string) {
		if len(items) > 0 {
			notes = append(notes, text+": "+strings.Join(items, ", "))
		}
	}
	by := "the profile " + p.Name
	byProfile, byConfiguration := lowerDepths(s, p)
	note(by+" requires less than the highest level (depths:)", byProfile)
	note("the configuration requires less than the highest level (depth:)", byConfiguration)
	var severities []string
	for _, c := range p.Controls {
		if than, less := p.LoweredSeverity(c, e.rules[c.Rule].Severity); less {
			severities = append(severities, fmt.Sprintf("%s (%s, not %s)", c.ID, c.Severity, than))
		}
	}
	note(by+" lowers severities", severities)
	note(by+" accepts views of more tables (view_tables:)", p.AddedViewTables())
	note(by+" allows privileges beyond the minimum (allow:)", p.AddedAllow())
	note("the configuration allows privileges beyond the minimum (allow:)", slices.Sorted(slices.Values(s.Requirement.Allow)))
	return notes
}

// lowerDepths returns the privileges of the minimum with a required depth below the deepest that
// they allow, by what states the depth. The configuration overrides the profile.
func lowerDepths(s *snapshot.Snapshot, p profile.Profile) (byProfile, byConfiguration []string) {
	configured := map[string]audit.Depth{}
	for name, depth := range s.Requirement.Depth {
		configured[strings.ToLower(name)] = depth
	}
	for _, name := range slices.Sorted(slices.Values(p.Minimum())) {
		deepest := audit.DepthGlobal
		if levels := s.Privileges[name].Depths; len(levels) > 0 {
			deepest = slices.Max(levels)
		}
		text := func(d audit.Depth) string { return fmt.Sprintf("%s (%s, not %s)", name, d, deepest) }
		if depth, ok := configured[strings.ToLower(name)]; ok {
			if depth < deepest {
				byConfiguration = append(byConfiguration, text(depth))
			}
		} else if depth, ok := p.Depths[name]; ok && depth < deepest {
			byProfile = append(byProfile, text(depth))
		}
	}
	return byProfile, byConfiguration
}
