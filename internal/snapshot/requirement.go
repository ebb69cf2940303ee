package snapshot

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Requirement is what the configuration requires of the environment.
type Requirement struct {
	// Allow names privileges that do not count as surplus although the profile does not
	// require them.
	Allow []string `json:"allow"`
	// ApplicationID is that of the integration's application user; empty if the user is
	// deduced, or if the integration runs as a person.
	ApplicationID string `json:"application_id"`
	// BusinessUnit is the name of the business unit that the user must belong to; empty for
	// any.
	BusinessUnit string `json:"business_unit"`
	// Depth lowers the required depth of privileges, by name.
	Depth   map[string]audit.Depth `json:"depth"`
	Profile string                 `json:"profile"`
	// Role is the name of the integration role; empty if it is deduced.
	Role string `json:"role"`
	// User is the user principal name of the person that the integration runs as.
	User  string         `json:"user"`
	Views []RequiredView `json:"views"`
}

// RequiredView is a view that the integration user must be able to read.
type RequiredView struct {
	Name string `json:"name"`
	// Owner is the user principal name of the view's owner; empty if it is not known.
	Owner string `json:"owner"`
	Table string `json:"table"`
}

func (r *Requirement) replaceNils() {
	initSlice(&r.Allow)
	initSlice(&r.Views)
	initMap(&r.Depth)
}

// MatchesUser reports whether the requirement names the user or, if it names none, whether the user
// is an application user with the profile's pattern in its name.
func (r Requirement) MatchesUser(u User, pattern string) bool {
	switch {
	case r.ApplicationID != "":
		return equalFold(u.ApplicationID, r.ApplicationID)
	case r.User != "":
		return equalFold(u.DomainName, r.User)
	}
	return u.ApplicationID != "" && containsFold(u.Name, pattern)
}

// MatchesRole reports whether a role's name is the required one or, if none is required, contains
// the profile's pattern.
func (r Requirement) MatchesRole(name, pattern string) bool {
	if r.Role != "" {
		return equalFold(name, r.Role)
	}
	return containsFold(name, pattern)
}

// HasView reports whether a view is required.
func (r Requirement) HasView(table, name string) bool {
	key := audit.ViewKey(table, name)
	return slices.ContainsFunc(r.Views, func(v RequiredView) bool { return audit.ViewKey(v.Table, v.Name) == key })
}

// equalFold compares names as lower() in Rego does. strings.EqualFold differs for a few letters,
// and a slice must contain every user and role that the policies may choose.
func equalFold(a, b string) bool {
	return strings.ToLower(a) == strings.ToLower(b) //nolint:staticcheck // see above
}

func containsFold(s, part string) bool {
	return part != "" && strings.Contains(strings.ToLower(s), strings.ToLower(part))
}
