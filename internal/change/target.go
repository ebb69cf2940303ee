package change

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A TargetKind is the kind of a target. The zero value is invalid.
type TargetKind string

// The kinds of target, each with the names in its [State].
const (
	TargetRole   TargetKind = "role"            // a role by its name in a business unit; "role": absent or present
	TargetGrants TargetKind = "role-privileges" // the privileges of a role: each name with a depth
	// TargetUser is a user by its id or its application id; "user": absent, enabled,
	// disabled, or deleted if it is soft-deleted.
	TargetUser       TargetKind = "user"
	TargetAssignment TargetKind = "role-assignment" // a role's assignment to a user; "assigned": no or yes
	// TargetShare is a principal's rights on a view; "access": none, or rights
	// such as "read, write".
	TargetShare TargetKind = "view-share"
)

// The values in a [State] other than depths and rights.
const (
	Absent   = "absent"
	Present  = "present"
	Enabled  = "enabled"
	Disabled = "disabled"
	Deleted  = "deleted"
	None     = "none"
	No       = "no"
	Yes      = "yes"
)

// The names in a [State] other than those of privileges.
const (
	AttrRole     = "role"
	AttrUser     = "user"
	AttrAssigned = "assigned"
	AttrAccess   = "access"
)

// A State is the current or desired state of a target: values by name.
type State map[string]string

// Names returns the names of a state, sorted.
func (s State) Names() []string { return slices.Sorted(maps.Keys(s)) }

// Includes reports whether s has the values of other.
func (s State) Includes(other State) bool {
	for name, value := range other {
		if s[name] != value {
			return false
		}
	}
	return true
}

// Depths are the depths of privileges by name.
type Depths map[string]audit.Depth

// Names returns the names of the privileges, sorted.
func (d Depths) Names() []string { return slices.Sorted(maps.Keys(d)) }

// A Ref refers to a row.
type Ref struct {
	Kind string `json:"kind,omitempty"` // the table of a principal: systemuser or team
	// ID is empty for a row that an earlier action creates or that apply looks up.
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	ObjectID string `json:"object_id,omitempty"` // the user's Entra object id, for impersonation
	MadeBy   string `json:"made_by,omitempty"`   // the id of the action that creates the row
}

// A Target is the part of an environment that an action changes.
type Target struct {
	Kind    TargetKind `json:"kind"`
	Role    *Ref       `json:"role,omitempty"`    // the root copy of a role
	Managed bool       `json:"managed,omitempty"` // set if the role is part of a managed solution
	// Copy is the copy of Role to be assigned. Without an id, it is the copy in BusinessUnit. If
	// that does not exist and AnyUnit is set, it is the root copy.
	Copy          *Ref              `json:"copy,omitempty"`
	AnyUnit       bool              `json:"any_unit,omitempty"`
	User          *Ref              `json:"user,omitempty"`
	ApplicationID string            `json:"application_id,omitempty"`
	BusinessUnit  *Ref              `json:"business_unit,omitempty"`
	View          *Ref              `json:"view,omitempty"`
	Table         string            `json:"table,omitempty"`
	Principal     *Ref              `json:"principal,omitempty"`  // the user or team with whom a view is shared
	Owner         *Ref              `json:"owner,omitempty"`      // the view's owner, whom apply impersonates to share it
	Privileges    map[string]string `json:"privileges,omitempty"` // the known ids of privileges by name
	// Filtered lists the privileges that are granted for some records only before the change.
	Filtered []string `json:"filtered,omitempty"`
	// Levels has the depths that a privilege allows if it does not allow the required one.
	Levels map[string][]audit.Depth `json:"levels,omitempty"`
	// Grants are all privileges of a role when it is assigned. If the role grants more by then,
	// apply does not assign it. Grants is empty for a role that an earlier action creates.
	Grants Depths `json:"grants,omitempty"`
}

// Title returns the kind and the name of what is changed, as a heading.
func (t Target) Title() string {
	switch t.Kind {
	case TargetRole, TargetGrants:
		return "Role " + t.Role.Name
	case TargetUser, TargetAssignment:
		return "User " + t.User.Name
	case TargetShare:
		return "View " + cmp.Or(t.View.Name, t.View.ID)
	}
	return string(t.Kind)
}

// RestoreStep returns the manual step that restores a state of the target.
func (t Target) RestoreStep(goal State) string {
	switch t.Kind {
	case TargetRole:
		return fmt.Sprintf("delete the role %q", t.Role.Name)
	case TargetGrants:
		var parts []string
		for _, name := range goal.Names() {
			parts = append(parts, name+" to "+goal[name])
		}
		return fmt.Sprintf("in the role %q set %s", t.Role.Name, strings.Join(parts, ", "))
	case TargetUser:
		if goal[AttrUser] == Absent {
			return fmt.Sprintf("disable the user %q and delete it", t.User.Name)
		}
		return fmt.Sprintf("disable the user %q", t.User.Name)
	case TargetAssignment:
		if goal[AttrAssigned] == Yes {
			return fmt.Sprintf("assign the role %q to the user %q", t.Role.Name, t.User.Name)
		}
		return fmt.Sprintf("remove the role %q from the user %q", t.Role.Name, t.User.Name)
	case TargetShare:
		if goal[AttrAccess] == None {
			return fmt.Sprintf("stop sharing the view %q with %q", t.View.Name, t.Principal.Name)
		}
		return fmt.Sprintf("share the view %q with %q for %s", t.View.Name, t.Principal.Name, goal[AttrAccess])
	}
	return ""
}

// A Step is a request and the state of its target after it.
type Step struct {
	Request Request
	After   State
}

// Next returns the first step from one state to another. It returns false at the end, and if no
// request leads there.
func (t Target) Next(from, to State) (step Step, ok bool) {
	var attr string
	var steps []transition
	switch t.Kind {
	case TargetGrants:
		return t.nextGrants(from, to)
	case TargetShare:
		return t.nextShare(from[AttrAccess], to[AttrAccess])
	case TargetRole:
		attr, steps = AttrRole, []transition{{Absent, Present, Present, createRoleRequest(t.Role.Name)}, {Present, Absent, Absent, del("roles({role})")}}
	case TargetUser:
		attr, steps = AttrUser, t.userTransitions()
	case TargetAssignment:
		attr, steps = AttrAssigned, []transition{{No, Yes, Yes, assignRequest()}, {Yes, No, No, unassignRequest()}}
	}
	for _, s := range steps {
		if s.from == from[attr] && s.to == to[attr] {
			return Step{s.request, State{attr: s.after}}, true
		}
	}
	return Step{}, false
}

// A transition is the first request on the way from one value to another.
type transition struct {
	from, to string
	after    string // the value after the request
	request  Request
}

// Path returns the states on the way from one state to another, including the first, and the
// requests between them.
func (t Target) Path(from, to State) ([]State, []Request) {
	const maxStates = 2000
	states := []State{from}
	var requests []Request
	for len(states) < maxStates {
		step, ok := t.Next(from, to)
		if !ok {
			break
		}
		from = step.After
		states = append(states, from)
		requests = append(requests, step.Request)
	}
	return states, requests
}

// Matches reports whether a state is the goal. Privileges that the platform restores do not count
// if the goal grants them.
func (t Target) Matches(now, goal State) bool {
	for name, want := range goal {
		ignored := t.Kind == TargetGrants && want != None && IsRestoredPrivilege(name)
		if now[name] != want && !ignored {
			return false
		}
	}
	return true
}

// IsBetween reports whether a state is on the path from one state to another. Privileges that the
// platform restores do not count.
func (t Target) IsBetween(now, from, to State) bool {
	states, _ := t.Path(from, to)
	return slices.ContainsFunc(states, func(s State) bool {
		for name := range to {
			ignored := t.Kind == TargetGrants && IsRestoredPrivilege(name)
			if now[name] != s[name] && !ignored {
				return false
			}
		}
		return true
	})
}

// AffectedNames returns the names of a state, and the ones that the platform may change with them.
func (t Target) AffectedNames(s State) []string {
	names := s.Names()
	if t.Kind == TargetGrants {
		for _, name := range RestoredPrivileges() {
			if _, ok := s[name]; !ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// DepthOf returns the depth that a value in a state names, or none for another value.
func DepthOf(value string) audit.Depth {
	d, err := audit.ParseDepth(value)
	if err != nil {
		return audit.DepthNone
	}
	return d
}
