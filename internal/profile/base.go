package profile

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// baseProfile returns the profile that this one extends, or an empty one.
func (p Profile) baseProfile() Profile {
	if p.base == nil {
		return Profile{}
	}
	return *p.base
}

// LoweredSeverity reports whether a custom profile lowers the severity of a control, and from what:
// the severity in the base or, for the profile's own control, that of the rule.
func (p Profile) LoweredSeverity(c Control, rule audit.Severity) (from audit.Severity, lowered bool) {
	if p.Origin == audit.OriginBuiltin || c.Severity == audit.SeverityInvalid {
		return audit.SeverityInvalid, false
	}
	from = rule
	if inherited, ok := p.baseProfile().Control(string(c.ID)); ok && inherited.Severity != audit.SeverityInvalid {
		from = inherited.Severity
	}
	return from, c.Severity < from
}

// AddedAllow returns the privileges that the profile allows in addition to its base.
func (p Profile) AddedAllow() []string { return subtractFold(p.Allow, p.baseProfile().Allow) }

// AddedViewTables returns the tables of which the profile, but not its base, accepts views.
func (p Profile) AddedViewTables() []string {
	if p.base == nil {
		return nil
	}
	return subtractFold(p.ViewTables, p.base.ViewTables)
}

// subtractFold returns the elements of list that base does not have, in any letter case.
func subtractFold(list, base []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		return slices.ContainsFunc(base, func(b string) bool { return strings.EqualFold(b, s) })
	})
}
