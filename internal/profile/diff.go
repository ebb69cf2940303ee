package profile

import (
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Diff lists the differences between two profiles, or two versions of one.
type Diff struct {
	Format string  `json:"format"`
	Old    Summary `json:"old"`
	New    Summary `json:"new"`
	Same   bool    `json:"same"`
	// Controls lists the controls that changed or were added, in the order of the newer
	// profile, then those that were removed, in the order of the older.
	Controls []ControlChange `json:"controls"`
	// Levels lists the access levels that changed, sorted by privilege.
	Levels []LevelChange `json:"levels"`
	// Allowed and NoLongerAllowed are the privileges that only the newer or only the older
	// profile allows beyond its minimum.
	Allowed         []string `json:"allowed"`
	NoLongerAllowed []string `json:"no_longer_allowed"`
}

// DiffFormat names the JSON form of a [Diff].
const DiffFormat = "dbaudit.profile-diff/v1"

// A Summary counts what a profile requires.
type Summary struct {
	Name       string `json:"name"`
	Title      string `json:"title"`
	Controls   int    `json:"controls"`
	Privileges int    `json:"privileges"`
}

// A ChangeKind says how a control changed.
type ChangeKind string

// The kinds of change.
const (
	ControlAdded   ChangeKind = "came"
	ControlRemoved ChangeKind = "went"
	ControlChanged ChangeKind = "changed"
)

// A ControlChange says how one control changed. Old and New are the cited lines; empty if a profile
// does not have the control, or has no citation for it.
type ControlChange struct {
	ID      audit.ControlID `json:"id"`
	Change  ChangeKind      `json:"change"`
	Title   string          `json:"title"`
	Old     string          `json:"was"`
	New     string          `json:"is"`
	Added   []string        `json:"added"`
	Removed []string        `json:"removed"`
	// OldSeverity and NewSeverity are set if they differ; "" means the rule's severity.
	OldSeverity string `json:"old_severity,omitempty"`
	NewSeverity string `json:"new_severity,omitempty"`
}

// A LevelChange is a change of the access level for a privilege that both profiles require. ""
// means the deepest level that the privilege allows.
type LevelChange struct {
	Privilege string `json:"privilege"`
	Old       string `json:"was"`
	New       string `json:"is"`
}

// Compare returns the differences between an older and a newer profile.
func Compare(older, newer Profile) Diff {
	d := Diff{
		Format: DiffFormat, Old: older.summary(), New: newer.summary(), Controls: []ControlChange{}, Levels: []LevelChange{},
		Allowed: subtract(newer.Allow, older.Allow), NoLongerAllowed: subtract(older.Allow, newer.Allow),
	}
	for _, c := range newer.Controls {
		old, ok := older.Control(string(c.ID))
		change := ControlChange{
			ID: c.ID, Change: ControlChanged, Title: c.Title, Old: old.citedLine(), New: c.citedLine(),
			Added: subtract(c.Privileges, old.Privileges), Removed: subtract(old.Privileges, c.Privileges),
		}
		switch {
		case !ok:
			change.Change = ControlAdded
		case old.Severity != c.Severity:
			change.OldSeverity, change.NewSeverity = severityText(old.Severity), severityText(c.Severity)
		case old.Rule == c.Rule && change.Old == change.New && len(change.Added)+len(change.Removed) == 0:
			continue
		}
		d.Controls = append(d.Controls, change)
	}
	for _, c := range older.Controls {
		if _, ok := newer.Control(string(c.ID)); !ok {
			d.Controls = append(d.Controls, ControlChange{
				ID: c.ID, Change: ControlRemoved, Title: c.Title, Old: c.citedLine(), Added: []string{}, Removed: subtract(c.Privileges, nil),
			})
		}
	}
	for _, name := range slices.Sorted(slices.Values(newer.Minimum())) {
		if before, after := older.Depths[name], newer.Depths[name]; slices.Contains(older.Minimum(), name) && before != after {
			d.Levels = append(d.Levels, LevelChange{Privilege: name, Old: depthText(before), New: depthText(after)})
		}
	}
	d.Same = len(d.Controls)+len(d.Levels)+len(d.Allowed)+len(d.NoLongerAllowed) == 0
	return d
}

func (p Profile) summary() Summary {
	return Summary{Name: p.Name, Title: p.Title, Controls: len(p.Controls), Privileges: len(p.Minimum())}
}

func (c Control) citedLine() string {
	if c.Citation == nil {
		return ""
	}
	return c.Citation.Line
}

// subtract returns the elements of list that other does not have, sorted. The result is not nil.
func subtract(list, other []string) []string {
	rest := map[string]bool{}
	for _, s := range list {
		rest[s] = true
	}
	for _, s := range other {
		delete(rest, s)
	}
	return append([]string{}, slices.Sorted(maps.Keys(rest))...)
}

func severityText(s audit.Severity) string {
	if s == audit.SeverityInvalid {
		return ""
	}
	return s.String()
}

func depthText(d audit.Depth) string {
	if d == audit.DepthNone {
		return ""
	}
	return d.String()
}
