// Package snapshot defines the recorded state of one Dataverse environment.
//
// A snapshot is a file that a person can keep, diff and replay. Everything after it runs offline.
// It is also the input of the policies, field for field (policy/schema/snapshot.json), in stock
// OPA too.
//
// Roles, users, teams, views and business units are objects keyed by id; the privileges of a role
// are an object that maps names to depths. Policies look up keys, because joining arrays would
// take time quadratic in the size of the environment.
//
// Coverage says which sections were not read. The empty map of a section that was not collected
// does not mean that the section is empty.
package snapshot

import (
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Format names the JSON form of a [Snapshot].
const Format = "dbaudit.snapshot/v1"

// A Snapshot is the state of one environment, as far as it was read. Its fields are in the order
// of their JSON names, so that the file equals the output of `jq -S .`.
type Snapshot struct {
	// BusinessUnits has the business units that matter for the verdict, by businessunitid.
	BusinessUnits map[string]BusinessUnit `json:"business_units"`
	// Coverage says for each section whether it was read. A section without an entry was
	// not read.
	Coverage map[Section]Coverage `json:"coverage"`
	// Digest is "sha256:" and the hash of the document without this member; see
	// [Snapshot.Seal].
	Digest      string      `json:"digest"`
	Environment Environment `json:"environment"`
	// FilteredPrivileges has the privileges that roles grant only for the records of a
	// filter, by the id of the root copy and the privilege's name. The value is the depth in
	// the environment's spelling. Such a grant does not count towards the minimum. A role
	// may also grant the same privilege without a filter, in RolePrivileges.
	FilteredPrivileges map[string]map[string]string `json:"filtered_privileges,omitempty"`
	Format             string                       `json:"format"`
	// Organization is the environment's single organization row.
	Organization Organization `json:"organization"`
	// Privileges has the definitions by name, in the environment's spelling.
	Privileges map[string]Privilege `json:"privileges"`
	// Requirement is what was required of the environment when it was read.
	Requirement Requirement `json:"requirement"`
	// RoleEntries has the lines of a role's file, by the role's id. Only a snapshot of a
	// solution's files has it.
	RoleEntries map[string][]RoleEntry `json:"role_entries,omitempty"`
	// RolePrivileges has what each role grants, by the id of its root copy and the
	// privilege's name. A role's copies in business units grant the same as their root.
	RolePrivileges map[string]map[string]audit.Depth `json:"role_privileges"`
	// Roles has the roles by roleid, including copies in business units that matter.
	Roles map[string]Role `json:"roles"`
	Scope Scope           `json:"scope"`
	// Shares has the rights to personal views that were shared with a principal (user or
	// team), by principal id and view id.
	Shares map[string]map[string]Share `json:"shares"`
	Source Source                      `json:"source"`
	// SystemViews has the system views (savedquery) with a required name, by savedqueryid.
	SystemViews map[string]SystemView `json:"system_views"`
	// TakenAt is when reading began, in UTC to the second.
	TakenAt time.Time       `json:"taken_at"`
	Teams   map[string]Team `json:"teams"`
	Tool    Tool            `json:"tool"`
	// UnreadablePrivileges has the privileges that roles grant at a depth that dbaudit does
	// not know, by the id of the root copy and the privilege's name. The value is the depth
	// in the environment's spelling.
	UnreadablePrivileges map[string]map[string]string `json:"unreadable_privileges,omitempty"`
	// Users has the users (systemuser) by systemuserid: the candidates for the integration
	// user, including soft-deleted ones, and the owners of views.
	Users map[string]User `json:"users"`
	// Views has the personal views (userquery) that at least one of the identities sees, by
	// userqueryid.
	Views map[string]View `json:"views"`
}

// New returns an empty snapshot in which no section is covered.
func New() *Snapshot {
	s := &Snapshot{Format: Format}
	s.replaceNils()
	return s
}

// replaceNils replaces nil maps and slices with empty ones. The document then always has every
// member, and policies need not test for it.
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

// Environment identifies the environment that was read.
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
	// OwnershipAcrossBusinessUnits is the setting EnableOwnershipAcrossBusinessUnits of
	// orgdborgsettings. If it is on, a user may have the copies of roles in any business unit.
	OwnershipAcrossBusinessUnits Setting `json:"ownership_across_business_units"`
}

// BusinessUnit is a row of the businessunit table.
type BusinessUnit struct {
	Disabled bool   `json:"disabled"`
	Name     string `json:"name"`
	// ParentID is empty for the root business unit.
	ParentID string `json:"parent_id"`
}

// Role is a row of the role table: a root role or its copy in a business unit.
type Role struct {
	BusinessUnitID string `json:"business_unit_id"`
	// Customizable is iscustomizable.Value; false if the role cannot be edited.
	Customizable bool `json:"customizable"`
	// CustomizableUnknown is true if iscustomizable is null. Customizable is then true,
	// which proves nothing.
	CustomizableUnknown bool `json:"customizable_unknown,omitempty"`
	// Inherited is true if isinherited is 1: members of a team with the role then have its
	// Basic rights themselves. If it is false, only the team has them.
	Inherited bool   `json:"inherited"`
	Managed   bool   `json:"managed"`
	Name      string `json:"name"`
	// RootID is parentrootroleid; for a root role, its own id.
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

// RoleEntry is a RolePrivilege element of a role's file. Name and Level are its attributes as
// they are written.
type RoleEntry struct {
	// Line and Column are where the element begins. They count from 1, columns in UTF-16
	// code units.
	Column int    `json:"column"`
	Level  string `json:"level"`
	Line   int    `json:"line"`
	Name   string `json:"name"`
	// Nearest is the standard privilege with a similar name; empty if no name is similar or
	// the name itself is standard.
	Nearest string `json:"nearest"`
	// Standard is the standard spelling of the name; empty if the privilege is not standard.
	Standard string `json:"standard"`
}

// User is a row of the systemuser table.
type User struct {
	// AccessMode is accessmode. It limits what the user can do, whatever its roles grant.
	AccessMode AccessMode `json:"access_mode"`
	// ApplicationID is set for application users only.
	ApplicationID  string `json:"application_id"`
	BusinessUnitID string `json:"business_unit_id"`
	// Deleted is true if deletedstate is not 0. A soft-deleted user keeps its application id.
	Deleted    bool   `json:"deleted"`
	Disabled   bool   `json:"disabled"`
	DomainName string `json:"domain_name"`
	// EntraState is azurestate: whether the user's identity is still in Microsoft Entra.
	EntraState EntraState `json:"entra_state"`
	Licensed   bool       `json:"licensed"`
	Name       string     `json:"name"`
	// ObjectID is azureactivedirectoryobjectid, by which the user is impersonated.
	ObjectID string `json:"object_id"`
	// Roles are the ids of the role copies that are assigned directly, sorted.
	Roles []string `json:"roles"`
	// Teams are the ids of the teams that the user is a member of, sorted.
	Teams []string `json:"teams"`
}

// Team is a row of the team table.
type Team struct {
	BusinessUnitID string `json:"business_unit_id"`
	Name           string `json:"name"`
	// Roles are the ids of the role copies that are assigned to the team, sorted.
	Roles []string `json:"roles"`
	// Type is teamtype: 0 owner, 1 access, 2 security group, 3 Office group.
	Type int `json:"type"`
}

// View is a row of the userquery table: a personal view.
type View struct {
	Active  bool   `json:"active"`
	Name    string `json:"name"`
	OwnerID string `json:"owner_id"`
	// OwnerType is the type of the owner. A team cannot be impersonated.
	OwnerType PrincipalType `json:"owner_type"`
	// SeenBy lists the identities that see the view, sorted. If the integration user sees
	// it, the user can use it.
	SeenBy []Viewer `json:"seen_by"`
	// Table is returnedtypecode, the logical name of the view's table.
	Table string `json:"table"`
}

// SystemView is a row of the savedquery table. The organization owns it, every user with
// prvReadQuery sees it, and it cannot be shared.
type SystemView struct {
	Active bool   `json:"active"`
	Name   string `json:"name"`
	Table  string `json:"table"`
}

// Share is a row of the principalobjectaccess table.
type Share struct {
	// Inherited are the rights that only inheritedaccessrightsmask has. Changing the share
	// does not remove them.
	Inherited []Right `json:"inherited,omitempty"`
	// Rights is the union of accessrightsmask and inheritedaccessrightsmask.
	Rights []Right `json:"rights"`
}

// DisabledBusinessUnit returns the id of the first disabled business unit among the given one and
// those above it. It returns false if none is known to be disabled.
func (s *Snapshot) DisabledBusinessUnit(id string) (disabled string, ok bool) {
	for steps := 0; id != "" && steps <= len(s.BusinessUnits); steps++ {
		if s.BusinessUnits[id].Disabled {
			return id, true
		}
		id = s.BusinessUnits[id].ParentID
	}
	return "", false
}
