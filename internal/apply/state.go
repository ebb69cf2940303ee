package apply

import (
	"strings"

	"github.com/dbaudit/dbaudit/internal/change"
)

// targetKey returns a key that is equal for equal targets, even if their actions differ.
func targetKey(t change.Target) string {
	k := t.SlotValues()
	return strings.Join([]string{
		string(t.Kind), k[change.SlotRole], k[change.SlotUser], k[change.SlotCopy], k[change.SlotView], k[change.SlotPrincipal], t.ApplicationID,
	}, " ")
}

// creators returns the ids of the actions that create rows of the target.
func creators(t change.Target) []string {
	var ids []string
	for _, ref := range []*change.Ref{t.Role, t.Copy, t.User, t.Principal} {
		if ref != nil && ref.MadeBy != "" {
			ids = append(ids, ref.MadeBy)
		}
	}
	return ids
}

func formatState(s change.State) string {
	var parts []string
	for _, name := range s.Names() {
		parts = append(parts, name+" is "+s[name])
	}
	return change.JoinFirst(parts)
}

// difference returns the values of a state that differ from the wanted state.
func difference(s, want change.State) change.State {
	different := change.State{}
	for name, value := range want {
		if s[name] != value {
			different[name] = s[name]
		}
	}
	return different
}

// restrict returns a state with only the names of another.
func restrict(s, names change.State) change.State {
	part := change.State{}
	for name := range names {
		part[name] = s[name]
	}
	return part
}
