package apply

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/change"
)

// A Mutator reads and changes an environment. It must not read from a cache.
type Mutator interface {
	// Identity returns the signed-in user and the environment.
	Identity(ctx context.Context) (Identity, error)
	// Current reads the values for the names in a target's state, and the ids for its requests.
	Current(ctx context.Context, t change.Target, names []string) (Reading, error)
	// Change sends a request that changes a target. It returns the id of the created row if the
	// environment returns it.
	Change(ctx context.Context, r change.Request, t change.Target, label string) (made string, err error)
	// Holders returns the users who have a copy of a role, directly or through a team, and the
	// teams without members that have one.
	Holders(ctx context.Context, roleID string) (RoleHolders, error)
	// Row reads a row of a target. It impersonates a user unless as is nil. It returns nil if the
	// row is not visible.
	Row(ctx context.Context, table Table, id string, as *change.Ref) (*Row, error)
}

// An Identity has the ids of an environment and of a user in it.
type Identity struct{ User, Organization string }

// A Reading is the current state of a target.
type Reading struct {
	State     change.State
	Others    change.State      // the role's other privileges; nil for another target
	IDs       map[string]string // the values for the slots of requests
	Row       *Row              // the row of a role or a user; nil if it does not exist
	Filtered  []string          // the privileges that are granted for some records only, sorted
	Inherited string            // rights on a view that come from another shared record, or empty
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

// label returns the word for a row of the table.
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

// A Row contains the values of a row that its table has.
type Row struct {
	ID, Name string
	SignIn   string // a user's sign-in name
	Unit     string // the id of the business unit of a role or a user
	// Root is the id of a role's root copy, and Template the id of its role template.
	Root, Template string
	ApplicationID  string    // an application user's application id
	CreatedBy      string    // the id of the user who created the row; empty if unknown
	CreatedOn      time.Time // on this machine's clock
}

// RoleHolders are the users and teams that have a role.
type RoleHolders struct {
	Holders    []Holder
	Incomplete string // why others may have the role too; empty if the list is complete
}

// names returns the descriptions of the holders except one, sorted.
func (h RoleHolders) names(except string) []string {
	var names []string
	for _, holder := range h.Holders {
		if holder.ID != except {
			names = append(names, holder.String())
		}
	}
	slices.Sort(names)
	return names
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
