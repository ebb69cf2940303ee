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
	TargetGrants TargetKind = "role-privileges" // what a role grants: the depth of each privilege by its name
	// TargetUser is a user, by its id or its application id; "user": absent, enabled,
	// disabled or deleted (softly).
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

// A State is the current or wanted state of a target: values by name.
type State map[string]string

// Names are the names of a state, sorted.
func (s State) Names() []string { return slices.Sorted(maps.Keys(s)) }

// Includes reports whether s has the same values for all names in other.
func (s State) Includes(other State) bool {
	for name, value := range other {
		if s[name] != value {
			return false
		}
	}
	return true
}

// Depths are access levels of privileges by name.
type Depths map[string]audit.Depth

// Names are the names of the privileges, sorted.
func (d Depths) Names() []string { return slices.Sorted(maps.Keys(d)) }

// A Ref names a row.
type Ref struct {
	Kind string `json:"kind,omitempty"` // the row's table if the context does not determine it: systemuser or team
	// ID is empty for a row that an earlier action creates, or that must be looked up.
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	ObjectID string `json:"object_id,omitempty"` // the user's Entra object id, which is used to impersonate it
	MadeBy   string `json:"made_by,omitempty"`   // the action that creates the row
}

// A Target is what an action changes.
type Target struct {
	Kind    TargetKind `json:"kind"`
	Role    *Ref       `json:"role,omitempty"`    // the root copy of a role
	Managed bool       `json:"managed,omitempty"` // set if the role comes with a managed solution
	// Copy is the copy of Role to be assigned. Without an id, it is the one in BusinessUnit
	// or, if AnyUnit is set and that one does not exist, the root.
	Copy          *Ref              `json:"copy,omitempty"`
	AnyUnit       bool              `json:"any_unit,omitempty"`
	User          *Ref              `json:"user,omitempty"`
	ApplicationID string            `json:"application_id,omitempty"`
	BusinessUnit  *Ref              `json:"business_unit,omitempty"`
	View          *Ref              `json:"view,omitempty"`
	Table         string            `json:"table,omitempty"`
	Principal     *Ref              `json:"principal,omitempty"`  // the user or team that a view is shared with
	Owner         *Ref              `json:"owner,omitempty"`      // the view's owner, who is impersonated to share it
	Privileges    map[string]string `json:"privileges,omitempty"` // the known ids of privileges by name
	// Filtered are those of Privileges that are granted for some records only before the change.
	Filtered []string `json:"filtered,omitempty"`
	// Levels are the depths at which a privilege can be granted, if not at the required one.
	Levels map[string][]audit.Depth `json:"levels,omitempty"`
	// Grants is everything that a role grants when it is assigned, the depths by name: if
	// it grants more by then, it is not assigned. It is empty for a role that an earlier
	// action creates.
	Grants Depths `json:"grants,omitempty"`
}

// Title names the target for a reader, with its kind.
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

// RestoreStep is the manual step that brings a target back to a state.
func (t Target) RestoreStep(goal State) string {
	switch t.Kind {
	case TargetRole:
		return fmt.Sprintf("delete the role %q", t.Role.Name)
	case TargetGrants:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(goal)) {
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

// Next gives the step that leads from one state towards another; ok is false without one.
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
		if s.from == from[attr] && s.towards == to[attr] {
			return Step{s.request, State{attr: s.after}}, true
		}
	}
	return Step{}, false
}

// A transition is the request from one value towards another, and the value after it.
type transition struct {
	from, towards, after string
	request              Request
}

// Path lists the states on the way from one to another, and the requests between them.
func (t Target) Path(from, to State) ([]State, []Request) {
	const longest = 2000
	states := []State{from}
	var requests []Request
	for len(states) < longest {
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

// Matches reports whether a state is the wanted one; the platform keeps what it added.
func (t Target) Matches(now, goal State) bool {
	for name, want := range goal {
		kept := t.Kind == TargetGrants && want != None && IsRestoredPrivilege(name)
		if now[name] != want && !kept {
			return false
		}
	}
	return true
}

// IsBetween reports whether a state is on the path from one to another; the platform's changes do not count.
func (t Target) IsBetween(now, from, to State) bool {
	states, _ := t.Path(from, to)
	return slices.ContainsFunc(states, func(s State) bool {
		for name := range to {
			kept := t.Kind == TargetGrants && IsRestoredPrivilege(name)
			if now[name] != s[name] && !kept {
				return false
			}
		}
		return true
	})
}

// AffectedNames adds to a state's names those that the platform may change with them.
func (t Target) AffectedNames(s State) []string {
	names := s.Names()
	if t.Kind == TargetGrants {
		for _, name := range RestoredPrivileges() {
			if _, there := s[name]; !there {
				names = append(names, name)
			}
		}
	}
	return names
}

// DepthOf is the depth of a state's value; none for what is not a depth.
func DepthOf(value string) audit.Depth {
	d, err := audit.ParseDepth(value)
	if err != nil {
		return audit.DepthNone
	}
	return d
}
