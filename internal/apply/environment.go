package apply

import (
	"context"
	"fmt"
	"time"

	"github.com/dbaudit/dbaudit/internal/change"
)

// A Mutator reads and changes one environment, past any cache.
type Mutator interface {
	// Identity is the signed-in user and the actual environment.
	Identity(ctx context.Context) (Identity, error)
	// Current reads a target's state for the names, and the ids that its requests need.
	Current(ctx context.Context, t change.Target, names []string) (Reading, error)
	// Change sends one request, and returns the id of the created row if the environment did.
	Change(ctx context.Context, r change.Request, label string) (made string, err error)
	// Holders are the users who have a role, in any of its copies, directly or through a team,
	// and the teams without members that have it.
	Holders(ctx context.Context, roleID string) (RoleHolders, error)
	// Row reads a row that a target names, as a user who sees it; nil if it is not visible.
	Row(ctx context.Context, table Table, id string, as *change.Ref) (*Row, error)
	// Role reads a copy of a role.
	Role(ctx context.Context, id string) (Role, error)
}

// An Identity is a user of an environment, both by id.
type Identity struct{ Organization, User string }

// A Reading is the current state of a target.
type Reading struct {
	State     change.State
	IDs       map[string]string // the values for the slots of requests
	Row       *Row              // the target's row, if it is a row and exists
	Filtered  []string          // the privileges that are granted for some records only, sorted
	Inherited string            // rights on a view that come from another shared record; empty for none
}

// A Table is the table of a row. The zero value is invalid.
type Table string

// The tables.
const (
	TableRole Table = "role"
	TableUser Table = "systemuser"
	TableTeam Table = "team"
	TableUnit Table = "businessunit"
	TableView Table = "userquery"
)

// A Row contains the values of a row, as far as its table has them.
type Row struct {
	ID, Name string
	SignIn   string // a user's sign-in name
	Unit     string // the business unit of a role or a user
	// Root is the role that a role is a copy of; Template is its role template.
	Root, Template string
	ApplicationID  string // an application user's application id
	CreatedBy      string // the user who created the row, and Created is when, if the environment says
	CreatedOn      time.Time
}

// A RoleHolders lists who has a role.
type RoleHolders struct {
	Holders    []Holder
	Incomplete string // says why there may be others, or empty
}

// A Holder is a user who has a role, or a team without members.
type Holder struct {
	ID      string
	Name    string // the user's name; empty for a team
	Through string // the team's name; empty for a direct assignment
}

func (h Holder) String() string {
	switch {
	case h.Name == "":
		return fmt.Sprintf("the team %q", h.Through)
	case h.Through != "":
		return fmt.Sprintf("%q (through the team %q)", h.Name, h.Through)
	}
	return fmt.Sprintf("%q", h.Name)
}

// A Role is the current state of a copy of a role.
type Role struct {
	Root    string        // the id of the role that it is a copy of
	BuiltIn bool          // set if it comes from a template
	Grants  change.Depths // everything that it grants
}

func (t Table) label() string {
	switch t {
	case TableUser:
		return "user"
	case TableUnit:
		return "business unit"
	case TableView:
		return "view"
	default:
		return string(t)
	}
}
