package profile

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// baseProfile is the profile that this one extends, or empty.
func (p Profile) baseProfile() Profile {
	if p.base == nil {
		return Profile{}
	}
	return *p.base
}

// LoweredSeverity reports whether a control counts for less than in the profile that this
// one extends or, for a file's own control, than its rule says.
func (p Profile) LoweredSeverity(c Control, rule audit.Severity) (than audit.Severity, less bool) {
	if p.Origin == audit.OriginBuiltin || c.Severity == audit.SeverityInvalid {
		return audit.SeverityInvalid, false
	}
	than = rule
	if was, ok := p.baseProfile().Control(string(c.ID)); ok && was.Severity != audit.SeverityInvalid {
		than = was.Severity
	}
	return than, c.Severity < than
}

// AddedAllow lists the privileges that the profile allows beyond what the one that it
// extends does.
func (p Profile) AddedAllow() []string { return subtractFold(p.Allow, p.baseProfile().Allow) }

// AddedViewTables lists the tables whose views the profile takes and the one that it
// extends does not.
func (p Profile) AddedViewTables() []string {
	if p.base == nil {
		return nil
	}
	return subtractFold(p.ViewTables, p.base.ViewTables)
}

func subtractFold(list, base []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		return slices.ContainsFunc(base, func(b string) bool { return strings.EqualFold(b, s) })
	})
}
