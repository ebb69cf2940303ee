package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// relaxations lists the requirements that are less strict than by default, and what lowered
// them: depths, severities, and privileges that are not surplus. Who reads a verdict must
// know what it is a verdict on.
func (e *Engine) relaxations(s *snapshot.Snapshot, p profile.Profile) []string {
	var notes []string
	note := func(does string, what []string) {
		if len(what) > 0 {
			notes = append(notes, does+": "+strings.Join(what, ", "))
		}
	}
	by := "the profile " + p.Name
	ofProfile, ofConfiguration := lowerDepths(s, p)
	note(by+" requires less than the highest level (depths:)", ofProfile)
	note("the configuration requires less than the highest level (depth:)", ofConfiguration)
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

// lowerDepths lists the privileges of the minimum that are asked for below the deepest
// level that they allow: those for which the profile says so, and those for which the
// configuration does.
func lowerDepths(s *snapshot.Snapshot, p profile.Profile) (ofProfile, ofConfiguration []string) {
	stated := map[string]audit.Depth{}
	for name, depth := range s.Requirement.Depth {
		stated[strings.ToLower(name)] = depth
	}
	for _, name := range slices.Sorted(slices.Values(p.Minimum())) {
		deepest := audit.DepthGlobal
		if levels := s.Privileges[name].Depths; len(levels) > 0 {
			deepest = slices.Max(levels)
		}
		text := func(d audit.Depth) string { return fmt.Sprintf("%s (%s, not %s)", name, d, deepest) }
		if depth, ok := stated[strings.ToLower(name)]; ok {
			if depth < deepest {
				ofConfiguration = append(ofConfiguration, text(depth))
			}
		} else if depth, ok := p.Depths[name]; ok && depth < deepest {
			ofProfile = append(ofProfile, text(depth))
		}
	}
	return ofProfile, ofConfiguration
}
