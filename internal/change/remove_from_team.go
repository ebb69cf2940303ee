package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// RemoveFromTeam removes a user from a team, or a role from the team.
const RemoveFromTeam audit.FixKind = "remove-from-team"

func removeFromTeam() kind {
	return kind{
		name: RemoveFromTeam, remedy: fix.removeFromTeam,
		example: func(all audit.Fix) audit.Fix { return audit.Fix{Role: administrator(), User: all.User, Team: all.Team} },
	}
}

func (f fix) removeFromTeam() Remedy {
	orRole := ""
	if f.Role != nil {
		orRole = ", or the role " + name(f.Role, "in question") + " from the team"
	}
	calls := f.lookUpUser()
	if f.Team != nil {
		calls = append(calls, f.lookUpPrincipal("team", *f.Team)...)
	}
	return Remedy{
		Summary: fmt.Sprintf("Remove the user %s from the team %s%s.", name(f.User, "of the integration"), name(f.Team, "in question"), orRole),
		Portal: []string{
			f.admin("Teams"),
			fmt.Sprintf("Select the team %s.", name(f.Team, "in question")),
			fmt.Sprintf("Choose Manage team members and remove %s; or, if the whole team should lose it, Manage security roles and clear %s.",
				name(f.User, "of the integration"), name(f.Role, "the role")),
		},
		Requests: append(calls, f.call("remove the user from the team",
			Request{Method: "DELETE", Path: "teams(" + id(f.Team, teamID) + ")/teammembership_association({user})/$ref"})),
	}
}
