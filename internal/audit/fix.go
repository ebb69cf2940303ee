package audit

// A FixKind is a kind of change that fixes a finding. internal/change lists the kinds; the
// engine refuses a policy that proposes another.
type FixKind string

// A Fix is a proposed change as data. Which fields are set depends on the kind.
type Fix struct {
	Kind FixKind `json:"kind"`
	// Role is the role to change or to assign, with the id of its root copy.
	Role *Reference `json:"role,omitempty"`
	// User is the user to change, or to assign the role to. If privileges are to be granted,
	// the role must be assigned to this user too.
	User *Reference `json:"user,omitempty"`
	Team *Reference `json:"team,omitempty"`
	View *Reference `json:"view,omitempty"`
	// Owner is the user or team that owns the view to share.
	Owner        *Reference `json:"owner,omitempty"`
	BusinessUnit *Reference `json:"business_unit,omitempty"`
	// ApplicationID is the application (client) id of an application user.
	ApplicationID string `json:"application_id,omitempty"`
	// Table is the logical name of the table of a view, or of one that an app installs.
	Table string `json:"table,omitempty"`
	// Privileges are the privileges to grant or to revoke.
	Privileges []Grant `json:"privileges,omitempty"`
	// Principals are the users and teams that have too many rights to a shared view.
	Principals []Reference `json:"principals,omitempty"`
}

// A Reference identifies a row of a Dataverse table.
type Reference struct {
	// Kind is the row's table if the context does not determine it: systemuser or team.
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// A Grant is a privilege at an access level.
type Grant struct {
	Name string `json:"name"`
	// ID is the privilege's id in the environment; empty if the environment does not define
	// the privilege.
	ID    string `json:"id,omitempty"`
	Depth Depth  `json:"depth,omitempty"`
}
