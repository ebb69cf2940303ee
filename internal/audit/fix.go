package audit

// A FixKind is what fixes a finding. internal/change has the list of kinds; a policy that
// proposes another is refused.
type FixKind string

// A Fix is a proposed change as data. Which fields are set depends on the kind.
type Fix struct {
	Kind FixKind `json:"kind"`
	// Role is the role to change or to assign; its id is that of the root copy.
	Role *Reference `json:"role,omitempty"`
	// User is the user to change or to assign to. With privileges to grant, the role must be
	// assigned to this user too.
	User *Reference `json:"user,omitempty"`
	Team *Reference `json:"team,omitempty"`
	View *Reference `json:"view,omitempty"`
	// Owner is the user or team that owns the view to share.
	Owner        *Reference `json:"owner,omitempty"`
	BusinessUnit *Reference `json:"business_unit,omitempty"`
	// ApplicationID is the application (client) id of an application user.
	ApplicationID string `json:"application_id,omitempty"`
	// Table is the logical name of the table that a view lists or an app brings.
	Table string `json:"table,omitempty"`
	// Privileges are those to grant or to take away.
	Privileges []Grant `json:"privileges,omitempty"`
	// Principals have a share of a view that is to be reduced.
	Principals []Reference `json:"principals,omitempty"`
}

// A Reference names a Dataverse row.
type Reference struct {
	// Kind is the row's table if the context does not determine it: systemuser or team.
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// A Grant is a privilege at an access level.
type Grant struct {
	Name string `json:"name"`
	// ID is the privilege's id in the environment that was read; empty where it is
	// not defined there.
	ID string `json:"id,omitempty"`
	// Depth is basic, local, deep or global.
	Depth Depth `json:"depth,omitempty"`
}
