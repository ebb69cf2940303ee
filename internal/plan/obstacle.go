package plan

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// An obstacle is why a plan leaves to people what it could do otherwise. The zero value
// is none: the fix itself is work for people.
type obstacle int

const (
	obstacleNone obstacle = iota
	obstacleRoleLocked
	obstacleRoleUnread
	obstacleRootUnread
	obstacleNoUnit
	obstacleUnitDisabled
	obstacleNoApplication
	obstacleUserGone
	obstacleNoCopy
	obstacleUnreached
	obstacleThroughTeam
	obstacleOwnerTeam
	obstacleOwnerDisabled
	obstacleViewUnread
	obstacleOtherRights
	obstacleInheritedRights
	obstacleFiltered
)

// obstacles lists every obstacle but none.
func obstacles() []obstacle {
	return []obstacle{
		obstacleRoleLocked, obstacleRoleUnread, obstacleRootUnread, obstacleNoUnit, obstacleUnitDisabled, obstacleNoApplication, obstacleUserGone,
		obstacleNoCopy, obstacleUnreached, obstacleThroughTeam, obstacleOwnerTeam, obstacleOwnerDisabled, obstacleViewUnread,
		obstacleOtherRights, obstacleInheritedRights, obstacleFiltered,
	}
}

// again is the last step wherever a plan can do the rest.
const again = "Make the plan again."

// A hurdle is an obstacle in front of a fix, with the names that its words need.
type hurdle struct {
	obstacle

	fix audit.Fix
	// name is the obstacle's own: of a unit, or of an owner.
	name string
}

// why completes the sentence of the fix; empty where the sentence says it all.
func (h hurdle) why() string {
	switch h.obstacle {
	case obstacleRoleLocked:
		return "this role cannot be edited"
	case obstacleRoleUnread:
		return "this role, or what it grants, was not read"
	case obstacleRootUnread:
		return "the root business unit was not read"
	case obstacleNoUnit:
		return fmt.Sprintf("no business unit %q that is enabled was seen", h.name)
	case obstacleUnitDisabled:
		return fmt.Sprintf("the business unit %q is disabled, and nobody of it can sign in", h.name)
	case obstacleNoApplication:
		return "the application id is not known"
	case obstacleUserGone:
		return "the user was not read, or is deleted"
	case obstacleNoCopy:
		return "the role was made in another business unit than the root, and has no copy in the user's"
	case obstacleUnreached:
		return "the integration role does not reach the user yet, who would be left without it"
	case obstacleThroughTeam:
		return "the user has the role through this team as well"
	case obstacleOwnerTeam:
		return "a team owns the view, or nobody knows who does, and nobody can act as its owner"
	case obstacleOwnerDisabled:
		return fmt.Sprintf("its owner, %s, is disabled, and nobody can look at it or share it", h.name)
	case obstacleViewUnread:
		return "nobody at hand sees the view"
	case obstacleOtherRights:
		return "the share holds rights that dbaudit does not know, and could not bring back"
	case obstacleInheritedRights:
		return "the rights are inherited, and changing this share does not take them away"
	case obstacleFiltered:
		return "a record filter limits what is granted today, and rollback could not bring the filter back"
	case obstacleNone:
	}
	return ""
}

// how are the steps that end the obstacle; nil for the steps of the fix itself.
func (h hurdle) how() []string {
	role, user, view := named(h.fix.Role, "the role"), named(h.fix.User, "the user"), named(h.fix.View, "the view")
	switch h.obstacle {
	case obstacleRoleLocked:
		return []string{
			"Create a custom role for the integration, or have the publisher of the managed solution make " + role + " editable (its managed property \"Can be customized\").",
			"Set integration.role in the configuration to the custom role.", again,
		}
	case obstacleRoleUnread:
		return []string{
			"Let the auditor read roles and their privileges: dbaudit doctor names the privilege that is missing.",
			"Take the result from a new scan, in which " + role + " was read.", again,
		}
	case obstacleRootUnread:
		return []string{"Let the auditor read business units: grant it prvReadBusinessUnit at organization level.", again}
	case obstacleNoUnit:
		return []string{
			fmt.Sprintf("Where %q is misspelt or was renamed, correct business_unit in the configuration.", h.name),
			fmt.Sprintf("Where the unit is meant, create or enable %q in the Power Platform admin center, under Settings > Users + permissions > Business units.", h.name),
			again,
		}
	case obstacleUnitDisabled:
		return []string{
			fmt.Sprintf("Enable %q in the Power Platform admin center, under Settings > Users + permissions > Business units, or move %s to a unit that is enabled.", h.name, user),
			again,
		}
	case obstacleNoApplication:
		return []string{"Set integration.app_id in the configuration to the application (client) id of the vendor's app registration.", again}
	case obstacleUserGone:
		return []string{
			"Look for " + user + " in the Power Platform admin center, under Users and under Application users, and restore it where it is deleted.",
			"Where it is there, let the auditor read users at organization level.", again,
		}
	case obstacleNoCopy:
		return []string{
			"Create " + role + " in the root business unit, with the same privileges: each unit below then has a copy of it.",
			"Delete or rename the one in the other business unit, so that the name is the new role's alone.", again,
		}
	case obstacleUnreached:
		return []string{
			"Assign the integration role to " + user + " first, as another entry of this plan says.",
			"Make the plan again, which then takes " + role + " away.",
		}
	case obstacleThroughTeam:
		team := named(h.fix.Team, "the team")
		return []string{
			fmt.Sprintf("Where %s does not need %s, take the role from the team.", team, role),
			fmt.Sprintf("Else take %s out of %s; for a team of a Microsoft Entra group, take it out of the group.", user, team),
		}
	case obstacleOwnerTeam:
		return []string{
			fmt.Sprintf("Sign in as a member of the team that owns %s, or assign the view to one person.", view),
			fmt.Sprintf("As that person, share %s with the integration user, Read only.", view),
		}
	case obstacleOwnerDisabled:
		return []string{
			fmt.Sprintf("Enable the user %s in the Power Platform admin center, or reassign what %[1]s owns to a user who is enabled.", h.name),
			"Where the owner is another by then, name it under views in the configuration.", again,
		}
	case obstacleViewUnread:
		return []string{"Name the owner of " + view + " under views in the configuration, so that dbaudit can look as that person.", again}
	case obstacleOtherRights:
		return []string{
			fmt.Sprintf("As the owner of %s, open Manage and share views and look at what the share gives.", view),
			"Set it to Read by hand, and note what it was.",
		}
	case obstacleInheritedRights:
		return []string{
			fmt.Sprintf("Find where the rights to %s come from: a share or an assignment of another row that cascades to it.", view),
			"Reduce that share there, or change the cascading of the relationship.",
		}
	case obstacleFiltered:
		return []string{
			"Find out who limited " + privilegesOf(h.fix) + " in " + role + " to the records of a filter, and why.",
			"Where the filter is not needed, make the plan with --replace-filtered, and apply it with --replace-filtered.",
		}
	case obstacleNone:
	}
	return nil
}

// who can end the obstacle.
func (h hurdle) who() string {
	switch h.obstacle {
	case obstacleNoApplication, obstacleViewUnread:
		return "whoever keeps dbaudit's configuration"
	case obstacleOtherRights, obstacleNone:
		return h.fix.Who()
	case obstacleOwnerTeam:
		return "a member of the team that owns the view"
	case obstacleRoleLocked, obstacleRoleUnread, obstacleRootUnread, obstacleNoUnit, obstacleUnitDisabled, obstacleUserGone, obstacleNoCopy, obstacleUnreached,
		obstacleThroughTeam, obstacleOwnerDisabled, obstacleInheritedRights, obstacleFiltered:
	}
	return audit.SystemAdministrator
}

func named(r *audit.Reference, otherwise string) string {
	if r == nil || cmp.Or(r.Name, r.ID) == "" {
		return otherwise
	}
	return fmt.Sprintf("%s %q", otherwise, cmp.Or(r.Name, r.ID))
}

func privilegesOf(fix audit.Fix) string {
	var names []string
	for _, g := range fix.Privileges {
		names = append(names, g.Name)
	}
	return strings.Join(names, ", ")
}
