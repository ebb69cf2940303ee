package profile

import (
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Diff is what changed between two profiles, or two versions of one.
type Diff struct {
	Format string  `json:"format"`
	Old    Summary `json:"old"`
	New    Summary `json:"new"`
	Same   bool    `json:"same"`
	// Controls changed, came or went, in the order of the newer profile, then of the older.
	Controls []ControlChange `json:"controls"`
	// Levels are the access levels that changed, sorted by privilege.
	Levels []LevelChange `json:"levels"`
	// Allowed and NoLongerAllowed are privileges that only the newer and only the older
	// profile allows beyond its minimum.
	Allowed         []string `json:"allowed"`
	NoLongerAllowed []string `json:"no_longer_allowed"`
}

// DiffFormat names the JSON form of a [Diff].
const DiffFormat = "dbaudit.profile-diff/v1"

// A Summary says how much a profile requires.
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

// A ControlChange is how one control changed. Was and Is are the words of the
// source, empty where a profile has no such control or no citation of it.
type ControlChange struct {
	ID      audit.ControlID `json:"id"`
	Change  ChangeKind      `json:"change"`
	Title   string          `json:"title"`
	Old     string          `json:"was"`
	New     string          `json:"is"`
	Added   []string        `json:"added"`
	Removed []string        `json:"removed"`
	// OldSeverity and NewSeverity are set where they differ; a rule's own is "".
	OldSeverity string `json:"old_severity,omitempty"`
	NewSeverity string `json:"new_severity,omitempty"`
}

// A LevelChange is another access level of a privilege that both profiles require;
// "" is the deepest that the privilege allows.
type LevelChange struct {
	Privilege string `json:"privilege"`
	Old       string `json:"was"`
	New       string `json:"is"`
}

// Compare says what changed from one profile to another.
func Compare(older, newer Profile) Diff {
	d := Diff{
		Format: DiffFormat, Old: older.summary(), New: newer.summary(), Controls: []ControlChange{}, Levels: []LevelChange{},
		Allowed: subtract(newer.Allow, older.Allow), NoLongerAllowed: subtract(older.Allow, newer.Allow),
	}
	for _, is := range newer.Controls {
		was, ok := older.Control(string(is.ID))
		change := ControlChange{
			ID: is.ID, Change: ControlChanged, Title: is.Title, Old: was.citedLine(), New: is.citedLine(),
			Added: subtract(is.Privileges, was.Privileges), Removed: subtract(was.Privileges, is.Privileges),
		}
		switch {
		case !ok:
			change.Change = ControlAdded
		case was.Severity != is.Severity:
			change.OldSeverity, change.NewSeverity = severityText(was.Severity), severityText(is.Severity)
		case was.Rule == is.Rule && change.Old == change.New && len(change.Added)+len(change.Removed) == 0:
			continue
		}
		d.Controls = append(d.Controls, change)
	}
	for _, was := range older.Controls {
		if _, ok := newer.Control(string(was.ID)); !ok {
			d.Controls = append(d.Controls, ControlChange{
				ID: was.ID, Change: ControlRemoved, Title: was.Title, Old: was.citedLine(), Added: []string{}, Removed: subtract(was.Privileges, nil),
			})
		}
	}
	for _, name := range slices.Sorted(slices.Values(newer.Minimum())) {
		if was, is := older.Depths[name], newer.Depths[name]; slices.Contains(older.Minimum(), name) && was != is {
			d.Levels = append(d.Levels, LevelChange{Privilege: name, Old: depthText(was), New: depthText(is)})
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

// subtract are the elements of a list that another lacks, sorted.
func subtract(list, other []string) []string {
	left := map[string]bool{}
	for _, s := range list {
		left[s] = true
	}
	for _, s := range other {
		delete(left, s)
	}
	return append([]string{}, slices.Sorted(maps.Keys(left))...)
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
