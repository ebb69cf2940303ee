package change

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Step is a request and the state of its target after it.
type Step struct {
	Request Request
	After   State
}

// Next gives the step that leads from one state towards another; ok is false if there is
// none: the goal is reached, or cannot be reached from there.
func (t Target) Next(from, to State) (step Step, ok bool) {
	switch t.Kind {
	case TargetRole:
		return t.nextRole(from[AttrRole], to[AttrRole])
	case TargetGrants:
		return t.nextGrants(from, to)
	case TargetUser:
		return t.nextUser(from[AttrUser], to[AttrUser])
	case TargetAssignment:
		return t.nextAssignment(from[AttrAssigned], to[AttrAssigned])
	case TargetShare:
		return t.nextShare(from[AttrAccess], to[AttrAccess])
	}
	return Step{}, false
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

// Rank orders the depths; what is not a depth comes first, at 0.
func Rank(depth string) int {
	d, err := snapshot.ParseDepth(depth)
	if err != nil {
		return 0
	}
	return int(d)
}
