package change

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Step is a request and the state of its target after it.
type Step struct {
	Request Request
	After   State
}

// Next gives the step that leads from one state towards another; ok is false if there is
// none: the goal is reached, or cannot be reached from there.
func (t Target) Next(from, to State) (step Step, ok bool) {
	var attr string
	var steps []transition
	switch t.Kind {
	case TargetGrants:
		return t.nextGrants(from, to)
	case TargetShare:
		return t.nextShare(from[AttrAccess], to[AttrAccess])
	case TargetRole:
		attr, steps = AttrRole, t.roleSteps()
	case TargetUser:
		attr, steps = AttrUser, t.userSteps()
	case TargetAssignment:
		attr, steps = AttrAssigned, t.assignmentSteps()
	}
	for _, s := range steps {
		if s.from == from[attr] && s.towards == to[attr] {
			return Step{s.request, State{attr: s.after}}, true
		}
	}
	return Step{}, false
}

// A transition is the request that leads from one value towards another, and the value
// after it.
type transition struct {
	from, towards, after string
	request              Request
}

// Path lists the states from one to another, both included as far as there is a path, and
// the requests between them.
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

// Reached reports whether a state is the wanted one, as far as possible: the platform keeps
// the SharePoint defaults that it added.
func (t Target) Reached(now, goal State) bool {
	for name, want := range goal {
		kept := t.Kind == TargetGrants && want != None && IsPlatformDefault(name)
		if now[name] != want && !kept {
			return false
		}
	}
	return true
}

// On reports whether a state is on the path from one state to another. The platform's own
// changes do not count.
func (t Target) On(now, from, to State) bool {
	states, _ := t.Path(from, to)
	return slices.ContainsFunc(states, func(s State) bool {
		for name := range to {
			kept := t.Kind == TargetGrants && IsPlatformDefault(name)
			if now[name] != s[name] && !kept {
				return false
			}
		}
		return true
	})
}

// Watched adds to a state's names those that change with them: a request that grants
// privileges restores the platform's SharePoint defaults.
func (t Target) Watched(s State) []string {
	names := s.Names()
	if t.Kind == TargetGrants {
		for _, name := range PlatformDefaults() {
			if _, there := s[name]; !there {
				names = append(names, name)
			}
		}
	}
	return names
}

// Rank is the depth of a state's value; none for what is not a depth.
func Rank(value string) audit.Depth {
	d, err := audit.ParseDepth(value)
	if err != nil {
		return audit.DepthNone
	}
	return d
}
