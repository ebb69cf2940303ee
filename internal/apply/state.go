package apply

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/change"
)

func key(t change.Target) string {
	k := t.Known()
	return strings.Join([]string{string(t.Kind), k[change.SlotRole], k[change.SlotUser], k[change.SlotCopy], k[change.SlotView], k[change.SlotPrincipal], t.ApplicationID}, " ")
}

// keyOfGrants is the key of what the target's role grants.
func keyOfGrants(t change.Target) string {
	return key(change.Target{Kind: change.TargetGrants, Role: t.Role})
}

// waitsFor is the action that creates a row that the target depends on; empty if all of
// them exist.
func waitsFor(t change.Target) string {
	for _, ref := range []*change.Ref{t.Role, t.Copy, t.User, t.Principal} {
		if ref != nil && ref.MadeBy != "" {
			return ref.MadeBy
		}
	}
	return ""
}

// said puts a state into words.
func said(s change.State) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, name+" is "+s[name])
	}
	return change.Listed(parts)
}

// unlike is where a state differs from the wanted one.
func unlike(s, want change.State) change.State {
	some := change.State{}
	for name, value := range want {
		if s[name] != value {
			some[name] = s[name]
		}
	}
	return some
}

// part is a state limited to the names of another.
func part(s, of change.State) change.State {
	some := change.State{}
	for name := range of {
		some[name] = s[name]
	}
	return some
}
