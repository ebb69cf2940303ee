package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Needs are the privileges that whoever applies the plan must hold, by name, each
// with the least depth. Nobody can grant what they do not hold themselves at that
// depth ("Assign security roles to users", on elevation); what else an assigned
// role grants has to be held as well, and is not in the plan.
func (p Plan) Needs() map[string]string {
	needs := map[string]string{}
	need := func(name string, depth snapshot.Depth) {
		if int(depth) > rank(needs[name]) {
			needs[name] = depth.String()
		}
	}
	for _, a := range p.Actions {
		switch a.Target.Kind {
		case KindRole:
			need("prvCreateRole", snapshot.DepthLocal)
		case KindGrants:
			need("prvWriteRole", snapshot.DepthLocal)
			for name, depth := range a.After {
				if d, err := snapshot.ParseDepth(depth); err == nil {
					need(name, d)
				}
			}
		case KindUser:
			if a.Before[attrUser] == Absent {
				need("prvCreateUser", snapshot.DepthLocal)
			} else {
				need("prvWriteUser", snapshot.DepthLocal)
				need("prvDisableUser", snapshot.DepthLocal) // which enabling asks for as well
			}
		case KindAssignment:
			need("prvAssignRole", snapshot.DepthLocal)
		case KindShare:
			// Acting as somebody else needs in both what the action needs.
			need("prvActOnBehalfOfAnotherUser", snapshot.DepthGlobal)
			need("prvReadUserQuery", snapshot.DepthBasic)
			need("prvShareUserQuery", snapshot.DepthBasic)
		}
	}
	return needs
}

// Lacking names the needs that are not held deeply enough, with the depth. held
// has its names in lower case.
func (p Plan) Lacking(held map[string]string) []string {
	var lacking []string
	needs := p.Needs()
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		if rank(held[strings.ToLower(name)]) < rank(needs[name]) {
			lacking = append(lacking, name+" ("+needs[name]+")")
		}
	}
	return lacking
}
