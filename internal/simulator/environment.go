package simulator

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/simulator/entra"
)

// An Environment is a Dataverse environment as a person writes it. schema/environment.json describes the
// keys and the references between them. Starting the environment derives missing ids from names, and adds
// the default team of each business unit and the copies of roles.
type Environment struct {
	TenantID               string                  `yaml:"tenant_id,omitempty" ref:"id"`
	Organization           Organization            `yaml:"organization"`
	Clients                []Client                `yaml:"clients,omitempty"`
	BusinessUnits          []BusinessUnit          `yaml:"business_units,omitempty"`
	Roles                  []Role                  `yaml:"roles,omitempty"`
	Users                  []User                  `yaml:"users,omitempty"`
	ApplicationUsers       []User                  `yaml:"application_users,omitempty"`
	Teams                  []Team                  `yaml:"teams,omitempty"`
	PersonalViews          []PersonalView          `yaml:"personal_views,omitempty"`
	SystemViews            []SystemView            `yaml:"system_views,omitempty"`
	ColumnSecurityProfiles []ColumnSecurityProfile `yaml:"column_security_profiles,omitempty"`
	// Grants of undefined privileges are ignored.
	UndefinedTables     []string        `yaml:"undefined_tables,omitempty"`
	UndefinedPrivileges []string        `yaml:"undefined_privileges,omitempty"`
	ExtraPrivileges     []Privilege     `yaml:"extra_privileges,omitempty"`
	UnnamedPrivileges   []string        `yaml:"unnamed_privileges,omitempty"`
	Contradictions      []Contradiction `yaml:"contradictions,omitempty"`
	Suggest             Suggestion      `yaml:"suggest,omitempty"`
}

// An Organization is the only row of the organization table.
type Organization struct {
	Name    string `yaml:"name"`
	ID      string `yaml:"id,omitempty" ref:"id"`
	URLName string `yaml:"url_name,omitempty"`
	Version string `yaml:"version,omitempty"`
	Region  string `yaml:"region,omitempty"`
	// RecordOwnershipAcrossBusinessUnits is EnableOwnershipAcrossBusinessUnits in orgdborgsettings.
	RecordOwnershipAcrossBusinessUnits Tristate `yaml:"record_ownership_across_business_units,omitempty"`
	// KeepRolesOnMove is DoNotRemoveRolesOnChangeBusinessUnit in orgdborgsettings.
	KeepRolesOnMove Tristate `yaml:"keep_roles_on_move,omitempty"`
	State           State    `yaml:"state,omitempty"`
}

type (
	// A Client is an app registration.
	Client = entra.Client
	// A FederatedCredential is a credential of an app registration.
	FederatedCredential = entra.FederatedCredential
)

// A BusinessUnit is a node of the organization's tree.
type BusinessUnit struct {
	Name   string `yaml:"name"`
	ID     string `yaml:"id,omitempty" ref:"id"`
	Parent string `yaml:"parent,omitempty" ref:"business unit"`
	// Disabled locks out the users of the unit and of the units below it. Their teams give no roles.
	Disabled bool `yaml:"disabled,omitempty"`
}

// A Role is a security role in the business unit where it was created.
type Role struct {
	Name                string         `yaml:"name"`
	ID                  string         `yaml:"id,omitempty" ref:"id"`
	BusinessUnit        string         `yaml:"business_unit,omitempty" ref:"business unit"`
	Template            string         `yaml:"template,omitempty"`
	Managed             bool           `yaml:"managed,omitempty"`
	NotCustomizable     bool           `yaml:"not_customizable,omitempty"`
	CustomizableUnknown bool           `yaml:"customizable_unknown,omitempty"` // iscustomizable is null
	TeamPrivilegesOnly  bool           `yaml:"team_privileges_only,omitempty"` // isinherited is 0
	State               ComponentState `yaml:"state,omitempty"`
	// Like, the name of another role, and PlatformDefaults become part of Privileges when the environment is
	// parsed or started.
	Like             string `yaml:"like,omitempty"`
	PlatformDefaults bool   `yaml:"platform_defaults,omitempty"`
	Privileges       Grants `yaml:"privileges,omitempty"`
	// RecordFilters has the names of privileges that are granted for some records only.
	RecordFilters []string `yaml:"record_filters,omitempty"`
	// DepthWords has the words that responses use for the depths of privileges, by the privilege's name.
	DepthWords map[string]string `yaml:"depth_words,omitempty"`
}

// A RoleAssignment assigns a role to a user or a team: by default the copy of the holder's business unit.
type RoleAssignment struct {
	Role         string `yaml:"role" ref:"role"`
	BusinessUnit string `yaml:"business_unit,omitempty" ref:"business unit"`
}

// UnmarshalYAML reads the name of a role, or a mapping that also has the business unit of the copy.
func (a *RoleAssignment) UnmarshalYAML(decode func(any) error) error {
	type plain RoleAssignment
	if decode(&a.Role) == nil {
		return nil
	}
	return decode((*plain)(a))
}

// MarshalYAML writes the name of the role alone if there is no business unit.
func (a RoleAssignment) MarshalYAML() (any, error) {
	type plain RoleAssignment
	if a.BusinessUnit == "" {
		return a.Role, nil
	}
	return plain(a), nil
}

// A User is a person, or an application in the list of application users.
type User struct {
	Name           string     `yaml:"name"`
	ID             string     `yaml:"id,omitempty" ref:"id"`
	UPN            string     `yaml:"upn,omitempty"`            // a person's user principal name
	ApplicationID  string     `yaml:"application_id,omitempty"` // several application users may have the same
	EntraObjectID  string     `yaml:"entra_object_id,omitempty"`
	BusinessUnit   string     `yaml:"business_unit,omitempty" ref:"business unit"`
	Disabled       bool       `yaml:"disabled,omitempty"`
	Licensed       bool       `yaml:"licensed,omitempty"`
	LicenceMissing bool       `yaml:"licence_missing,omitempty"`
	AccessMode     AccessMode `yaml:"access_mode,omitempty"`
	EntraState     EntraState `yaml:"entra_state,omitempty"`
	SoftDeleted    bool       `yaml:"soft_deleted,omitempty"` // deletedstate is not 0

	Roles []RoleAssignment `yaml:"roles,omitempty"`
}

// A Team owns rows, and gives its roles to its members.
type Team struct {
	Name         string           `yaml:"name"`
	ID           string           `yaml:"id,omitempty" ref:"id"`
	Type         TeamType         `yaml:"type,omitempty"`
	BusinessUnit string           `yaml:"business_unit,omitempty" ref:"business unit"`
	Default      bool             `yaml:"default,omitempty"`
	Roles        []RoleAssignment `yaml:"roles,omitempty"`
	Members      []string         `yaml:"members,omitempty" ref:"user"`
}

// A PersonalView is a userquery.
type PersonalView struct {
	Name     string  `yaml:"name"`
	ID       string  `yaml:"id,omitempty" ref:"id"`
	Table    string  `yaml:"table"`
	Owner    string  `yaml:"owner" ref:"user or team"`
	Inactive bool    `yaml:"inactive,omitempty"`
	Shares   []Share `yaml:"shares,omitempty"`
}

// A Share gives a user or a team access to one view.
type Share struct {
	Principal string `yaml:"principal" ref:"user or team"`
	Access    Rights `yaml:"access"`
	Inherited Rights `yaml:"inherited,omitempty"` // from the share of another row; changes of this share keep it
}

func (s Share) rights() Rights { return s.Access | s.Inherited }

// A SystemView is a savedquery. Everyone with prvReadQuery sees it; it cannot be shared.
type SystemView struct {
	Name      string `yaml:"name"`
	ID        string `yaml:"id,omitempty" ref:"id"`
	Table     string `yaml:"table"`
	Inactive  bool   `yaml:"inactive,omitempty"`
	QuickFind bool   `yaml:"quick_find,omitempty"`
}

// A ColumnSecurityProfile is a fieldsecurityprofile.
type ColumnSecurityProfile struct {
	Name    string   `yaml:"name"`
	ID      string   `yaml:"id,omitempty" ref:"id"`
	Members []string `yaml:"members,omitempty" ref:"user"`
	Teams   []string `yaml:"teams,omitempty" ref:"team"`
	Reads   []string `yaml:"reads,omitempty"`
	Hides   []string `yaml:"hides,omitempty"`
}

// A Privilege is one row of the privilege table.
type Privilege struct {
	Name   string  `yaml:"name"`
	ID     string  `yaml:"id,omitempty"`
	Depths []Depth `yaml:"depths"`
}

// Deepest returns the deepest depth at which the privilege can be granted.
func (p Privilege) Deepest() Depth { return slices.Max(p.Depths) }

// Allows reports whether the privilege can be granted at a depth.
func (p Privilege) Allows(d Depth) bool { return slices.Contains(p.Depths, d) }

// A Suggestion has the requirement to check, and the names of the clients with which to audit and to
// change the environment.
type Suggestion struct {
	ApplicationID string          `yaml:"application_id,omitempty"`
	Role          string          `yaml:"role,omitempty"`
	BusinessUnit  string          `yaml:"business_unit,omitempty"`
	Views         []SuggestedView `yaml:"views,omitempty"`
	Auditor       string          `yaml:"auditor,omitempty"`
	Administrator string          `yaml:"administrator,omitempty"`
}

// A SuggestedView is a view to require: it must be shared with the integration user.
type SuggestedView struct {
	Table string `yaml:"table"`
	Name  string `yaml:"name"`
	Owner string `yaml:"owner,omitempty"`
}
