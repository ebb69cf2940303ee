// Package snapshot is the recorded state of one Dataverse environment, and what
// is missing from it.
//
// A snapshot is a file that a person can keep, diff and replay. Everything after
// it runs offline. It is keyed: roles, users, teams, views and business units are
// objects by id, the privileges of a role an object from name to depth, because
// policies that join rows by arrays grow with the square of the environment. It is also the
// input of the policies, unchanged: field for field the same document that stock OPA reads
// (policy/schema/snapshot.json).
//
// Coverage says what was not read. An empty map of a section that was not collected is not an
// empty section.
package snapshot

import (
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Format names the JSON form of a [Snapshot].
const Format = "dbaudit.snapshot/v1"

// A Snapshot is the state of one environment as far as it was read. Its fields are in the
// order of their JSON names, so that the file equals the output of `jq -S .`.
type Snapshot struct {
	// BusinessUnits by businessunitid: those that matter for the verdict.
	BusinessUnits map[string]BusinessUnit `json:"business_units"`
	// Coverage says of each section whether it was read; a section without an entry
	// was not.
	Coverage map[Section]Coverage `json:"coverage"`
	// Digest is "sha256:" and the hash of the document without this member; see
	// [Snapshot.Seal].
	Digest      string      `json:"digest"`
	Environment Environment `json:"environment"`
	// FilteredPrivileges is what roles grant for the records of a filter only, by the
	// id of the root copy and the privilege's name: the depth as the environment words
	// it. Such a grant counts towards no minimum; a role may grant the same privilege
	// without a filter besides, which RolePrivileges has.
	FilteredPrivileges map[string]map[string]string `json:"filtered_privileges,omitempty"`
	Format             string                       `json:"format"`
	// Organization is the environment's single organization row.
	Organization Organization `json:"organization"`
	// Privileges are the definitions by name, in the spelling of the environment.
	Privileges map[string]Privilege `json:"privileges"`
	// Requirement is what the environment was asked to meet when it was read.
	Requirement Requirement `json:"requirement"`
	// RoleEntries are the lines of a role's file as they are written, by the role's
	// id; only a snapshot made from a solution's files has them.
	RoleEntries map[string][]RoleEntry `json:"role_entries,omitempty"`
	// RolePrivileges is what each role grants, by the id of its root copy and the
	// privilege's name. A role's copies in business units grant what their root does.
	RolePrivileges map[string]map[string]audit.Depth `json:"role_privileges"`
	// Roles by roleid, copies in business units included where they matter.
	Roles map[string]Role `json:"roles"`
	Scope Scope           `json:"scope"`
	// Shares are the rights that a principal (user or team) has been given to
	// personal views, by principal id and view id.
	Shares map[string]map[string]Share `json:"shares"`
	Source Source                      `json:"source"`
	// SystemViews (savedquery) of the required names, by savedqueryid.
	SystemViews map[string]SystemView `json:"system_views"`
	// TakenAt is when reading began, in UTC to the second.
	TakenAt time.Time       `json:"taken_at"`
	Teams   map[string]Team `json:"teams"`
	Tool    Tool            `json:"tool"`
	// UnreadablePrivileges is what roles grant at a depth that dbaudit does not know, by the
	// id of the root copy and the privilege's name: the depth as the environment words it.
	UnreadablePrivileges map[string]map[string]string `json:"unreadable_privileges,omitempty"`
	// Users (systemuser) by systemuserid: the candidates for the integration user,
	// soft-deleted ones included, and the owners of views.
	Users map[string]User `json:"users"`
	// Views are personal views (userquery) by userqueryid that at least one of the
	// identities used sees.
	Views map[string]View `json:"views"`
}

// New returns an empty snapshot with no section covered.
func New() *Snapshot {
	s := &Snapshot{Format: Format}
	s.replaceNils()
	return s
}

// replaceNils replaces absent maps and lists by empty ones, so that the document always
// has every member and policies need no test for their presence.
func (s *Snapshot) replaceNils() {
	initMap(&s.BusinessUnits)
	initMap(&s.Coverage)
	initMap(&s.FilteredPrivileges)
	initMap(&s.Privileges)
	initMap(&s.RolePrivileges)
	initMap(&s.Roles)
	initMap(&s.Shares)
	initMap(&s.SystemViews)
	initMap(&s.Teams)
	initMap(&s.UnreadablePrivileges)
	initMap(&s.Users)
	initMap(&s.Views)
	s.Requirement.replaceNils()
	updateValues(s.Privileges, func(p *Privilege) { initSlice(&p.Depths) })
	updateValues(s.Teams, func(t *Team) { initSlice(&t.Roles) })
	updateValues(s.Users, func(u *User) { initSlice(&u.Roles); initSlice(&u.Teams) })
	updateValues(s.Views, func(v *View) { initSlice(&v.SeenBy) })
	for _, shares := range s.Shares {
		updateValues(shares, func(sh *Share) { initSlice(&sh.Rights) })
	}
}

func initMap[K comparable, V any](m *map[K]V) {
	if *m == nil {
		*m = map[K]V{}
	}
}

func initSlice[V any](l *[]V) {
	if *l == nil {
		*l = []V{}
	}
}

func updateValues[V any](m map[string]V, change func(*V)) {
	for key, v := range m {
		change(&v)
		m[key] = v
	}
}

// Environment names the environment that was read.
type Environment struct {
	Name           string `json:"name"`
	OrganizationID string `json:"organization_id"`
	URL            string `json:"url"`
}

// Tool is the program that wrote the snapshot.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Organization is the row of the organization table.
type Organization struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// OwnershipAcrossBusinessUnits is the record-ownership setting
	// EnableOwnershipAcrossBusinessUnits of orgdborgsettings: with it a user may hold
	// a role's copy of any business unit.
	OwnershipAcrossBusinessUnits Setting `json:"ownership_across_business_units"`
}

// BusinessUnit is a row of the businessunit table.
type BusinessUnit struct {
	Disabled bool   `json:"disabled"`
	Name     string `json:"name"`
	// ParentID is empty for the root business unit.
	ParentID string `json:"parent_id"`
}

// Role is a row of the role table: a root or the copy of one in a business unit.
type Role struct {
	BusinessUnitID string `json:"business_unit_id"`
	// Customizable is iscustomizable.Value: false where the role cannot be edited.
	Customizable bool `json:"customizable"`
	// CustomizableUnknown is true where iscustomizable is null: then Customizable is
	// true, and proves nothing.
	CustomizableUnknown bool `json:"customizable_unknown,omitempty"`
	// Inherited is isinherited = 1: through a team, members get the role's Basic
	// rights as their own. Where it is false the Basic rights are the team's alone.
	Inherited bool   `json:"inherited"`
	Managed   bool   `json:"managed"`
	Name      string `json:"name"`
	// RootID is parentrootroleid; a root role's own id.
	RootID string `json:"root_id"`
	// TemplateID is roletemplateid: set for built-in roles, empty for custom ones.
	TemplateID string `json:"template_id"`
}

// Privilege is a row of the privilege table.
type Privilege struct {
	// Depths are the access levels that the privilege can be granted at, shallowest
	// first.
	Depths []audit.Depth `json:"depths"`
	ID     string        `json:"id"`
}

// RoleEntry is a RolePrivilege element of a role's file, as it is written, with
// what is known of the privilege that it names.
type RoleEntry struct {
	Column int `json:"column"`
	// Level is the attribute's text.
	Level string `json:"level"`
	// Line and Column are where the element begins, from 1, in UTF-16 code units.
	Line int `json:"line"`
	// Name is the attribute's text.
	Name string `json:"name"`
	// Nearest is a standard privilege with a similar name; empty if no name is similar, or if
	// the name is a standard privilege's.
	Nearest string `json:"nearest"`
	// Standard is the standard spelling of the name; empty if it is not a standard
	// privilege.
	Standard string `json:"standard"`
}

// User is a row of the systemuser table.
type User struct {
	// AccessMode is accessmode: what sort of access the user has, whatever its roles.
	AccessMode AccessMode `json:"access_mode"`
	// ApplicationID is set for application users only.
	ApplicationID  string `json:"application_id"`
	BusinessUnitID string `json:"business_unit_id"`
	// Deleted is a deletedstate other than 0: a soft-deleted ghost that still holds
	// its application id.
	Deleted    bool   `json:"deleted"`
	Disabled   bool   `json:"disabled"`
	DomainName string `json:"domain_name"`
	// EntraState is azurestate: whether the user's identity is still in Microsoft Entra.
	EntraState EntraState `json:"entra_state"`
	Licensed   bool       `json:"licensed"`
	Name       string     `json:"name"`
	// ObjectID is azureactivedirectoryobjectid, which impersonation goes by.
	ObjectID string `json:"object_id"`
	// Roles are the ids of the role copies assigned directly, sorted.
	Roles []string `json:"roles"`
	// Teams are the ids of the teams that the user is a member of, sorted.
	Teams []string `json:"teams"`
}

// Team is a row of the team table.
type Team struct {
	BusinessUnitID string `json:"business_unit_id"`
	Name           string `json:"name"`
	// Roles are the ids of the role copies assigned to the team, sorted.
	Roles []string `json:"roles"`
	// Type is teamtype: 0 owner, 1 access, 2 security group, 3 Office group.
	Type int `json:"type"`
}

// View is a row of the userquery table: a personal view.
type View struct {
	Active  bool   `json:"active"`
	Name    string `json:"name"`
	OwnerID string `json:"owner_id"`
	// OwnerType says what OwnerID names: a team cannot be impersonated.
	OwnerType PrincipalType `json:"owner_type"`
	// SeenBy says which identities were shown the view, sorted. The integration
	// user's own sight of it is the proof that it can use the view.
	SeenBy []Viewer `json:"seen_by"`
	// Table is returnedtypecode, a logical name.
	Table string `json:"table"`
}

// SystemView is a row of the savedquery table: owned by the organization, seen by
// all who hold prvReadQuery, and not shareable.
type SystemView struct {
	Active bool   `json:"active"`
	Name   string `json:"name"`
	Table  string `json:"table"`
}

// Share is what a row of the principalobjectaccess table gives.
type Share struct {
	// Inherited are those of Rights that only inheritedaccessrightsmask gives: a change
	// of the share does not take them away.
	Inherited []Right `json:"inherited,omitempty"`
	// Rights is the union of accessrightsmask and inheritedaccessrightsmask.
	Rights []Right `json:"rights"`
}

// A Requirement is what the configuration asks of the environment.
type Requirement struct {
	// Allow names privileges that are not surplus, though the profile does not require
	// them.
	Allow []string `json:"allow"`
	// ApplicationID of the integration's application user; empty where it is
	// deduced or the integration runs as a person.
	ApplicationID string `json:"application_id"`
	// BusinessUnit is the name of the unit that the user must sit in; empty for any.
	BusinessUnit string `json:"business_unit"`
	// Depth lowers the required depth of privileges, by name.
	Depth   map[string]audit.Depth `json:"depth"`
	Profile string                 `json:"profile"`
	// Role is the name of the integration role; empty where it is deduced.
	Role string `json:"role"`
	// User is the user principal name of the person that the integration runs as.
	User  string         `json:"user"`
	Views []RequiredView `json:"views"`
}

// RequiredView is a view that the integration user must be able to read.
type RequiredView struct {
	Name string `json:"name"`
	// Owner is the user principal name of the view's owner, where it is known.
	Owner string `json:"owner"`
	Table string `json:"table"`
}

func (r *Requirement) replaceNils() {
	initSlice(&r.Allow)
	initSlice(&r.Views)
	initMap(&r.Depth)
}

// MatchesUser reports whether the requirement names the user. If it names none, any application user
// fits that has the profile's pattern in its name.
func (r Requirement) MatchesUser(u User, pattern string) bool {
	switch {
	case r.ApplicationID != "":
		return equalFold(u.ApplicationID, r.ApplicationID)
	case r.User != "":
		return equalFold(u.DomainName, r.User)
	}
	return u.ApplicationID != "" && containsFold(u.Name, pattern)
}

// MatchesRole reports whether a role's name is the required one or, if none is required, has the
// profile's pattern in it.
func (r Requirement) MatchesRole(name, pattern string) bool {
	if r.Role != "" {
		return equalFold(name, r.Role)
	}
	return containsFold(name, pattern)
}

// equalFold compares as the policies' lower() does. strings.EqualFold differs in a few
// letters, and what Rego takes for the integration's must have been kept here.
func equalFold(a, b string) bool {
	return strings.ToLower(a) == strings.ToLower(b) //nolint:staticcheck // see above
}

func containsFold(s, part string) bool {
	return part != "" && strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// DisabledBusinessUnit is the business unit for which a unit counts as disabled: itself or one
// above it; ok is false where none of them is known to be.
func (s *Snapshot) DisabledBusinessUnit(id string) (disabled string, ok bool) {
	for steps := 0; id != "" && steps <= len(s.BusinessUnits); steps++ {
		if s.BusinessUnits[id].Disabled {
			return id, true
		}
		id = s.BusinessUnits[id].ParentID
	}
	return "", false
}
