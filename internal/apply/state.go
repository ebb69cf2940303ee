package apply

import (
	"strings"

	"github.com/dbaudit/dbaudit/internal/change"
)

func targetKey(t change.Target) string {
	k := t.SlotValues()
	return strings.Join([]string{string(t.Kind), k[change.SlotRole], k[change.SlotUser], k[change.SlotCopy], k[change.SlotView], k[change.SlotPrincipal], t.ApplicationID}, " ")
}

// creators are the actions that create the rows that the target depends on.
func creators(t change.Target) []string {
	var ids []string
	for _, ref := range []*change.Ref{t.Role, t.Copy, t.User, t.Principal} {
		if ref != nil && ref.MadeBy != "" {
			ids = append(ids, ref.MadeBy)
		}
	}
	return ids
}

// formatState puts a state into words.
func formatState(s change.State) string {
	var parts []string
	for _, name := range s.Names() {
		parts = append(parts, name+" is "+s[name])
	}
	return change.JoinFirst(parts)
}

// difference is where a state differs from the wanted one.
func difference(s, want change.State) change.State {
	some := change.State{}
	for name, value := range want {
		if s[name] != value {
			some[name] = s[name]
		}
	}
	return some
}

// restrict is a state limited to the names of another.
func restrict(s, of change.State) change.State {
	some := change.State{}
	for name := range of {
		some[name] = s[name]
	}
	return some
}
