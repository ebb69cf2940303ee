package plan

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// An obstacle is the reason for a manual step that could otherwise be an action.
type obstacle int

const (
	obstacleNone obstacle = iota
	obstacleRoleLocked
	obstacleRoleUnread
	obstacleRootUnread
	obstacleNoUnit
	obstacleUnitDisabled
	obstacleNoApplication
	obstacleUserMissing
	obstacleNoCopy
	obstacleRoleUnassigned
	obstacleThroughTeam
	obstacleOwnerTeam
	obstacleOwnerDisabled
	obstacleViewUnread
	obstacleOtherRights
	obstacleInheritedRights
	obstacleFiltered
	obstacleNoRole
)

// planAgain is the last instruction if a new plan can do the rest.
const planAgain = "Make the plan again."

// A resolution says why an obstacle prevents an action, who can remove it, and how.
type resolution struct {
	reason string // completes the summary of the fix; empty without an obstacle
	who    string
	how    []string
}

func newResolution(reason, who string, how ...string) resolution {
	return resolution{reason, who, how}
}

// resolution returns how to remove the obstacle to a fix. name is the name of the business unit
// or the owner that is the obstacle.
func (o obstacle) resolution(fix audit.Fix, name string) resolution {
	role, user, view := describe(fix.Role, "the role"), describe(fix.User, "the user"), describe(fix.View, "the view")
	var privileges []string
	for _, g := range fix.Privileges {
		privileges = append(privileges, g.Name)
	}
	const admin = change.SystemAdministrator
	switch o {
	case obstacleRoleLocked:
		return newResolution("this role cannot be edited", admin,
			"Create a custom role for the integration, or have the publisher of the managed solution make "+role+" editable (its managed property \"Can be customized\").",
			"Set integration.role in the configuration to the custom role.", planAgain)
	case obstacleRoleUnread:
		return newResolution("this role, or what it grants, was not read", admin,
			"Let the auditor read roles and their privileges: dbaudit doctor names the missing privilege.",
			"Scan again, and check that "+role+" was read.", planAgain)
	case obstacleRootUnread:
		return newResolution("the root business unit was not read", admin,
			"Let the auditor read business units: grant it prvReadBusinessUnit at Organization level.", planAgain)
	case obstacleNoUnit:
		return newResolution(fmt.Sprintf("no enabled business unit %q was found", name), admin,
			fmt.Sprintf("If %q is misspelled or was renamed, correct business_unit in the configuration.", name),
			fmt.Sprintf("If the name is correct, create or enable %q in the Power Platform admin center, under Settings > Users + permissions > Business units.", name), planAgain)
	case obstacleUnitDisabled:
		return newResolution(fmt.Sprintf("the business unit %q is disabled, so its users cannot sign in", name), admin,
			fmt.Sprintf("Enable %q in the Power Platform admin center, under Settings > Users + permissions > Business units, or move %s to an enabled unit.", name, user), planAgain)
	case obstacleNoApplication:
		return newResolution("the application id is unknown", change.Maintainer,
			"Set integration.app_id in the configuration to the application (client) id of the vendor's app registration.", planAgain)
	case obstacleUserMissing:
		return newResolution("the user was not read, or is deleted", admin,
			"Look for "+user+" in the Power Platform admin center, under Users and under Application users, and restore it if it is deleted.",
			"If it exists, let the auditor read users at Organization level.", planAgain)
	case obstacleNoCopy:
		return newResolution("the role was created outside the root business unit, and has no copy in the user's unit", admin,
			"Create "+role+" in the root business unit, with the same privileges: each unit below then gets a copy.",
			"Delete or rename the role in the other business unit, so that only the new role has this name.", planAgain)
	case obstacleRoleUnassigned:
		return newResolution("the integration role is not assigned to the user yet, so the user would lose the rights it needs", admin,
			"Assign the integration role to "+user+" first; see the other entry of this plan.",
			"Make the plan again; it then removes "+role+".")
	case obstacleThroughTeam:
		return newResolution("the user has the role through this team as well", admin,
			fmt.Sprintf("If %s does not need %s, remove the role from the team.", describe(fix.Team, "the team"), role),
			fmt.Sprintf("Otherwise, remove %s from %s; for a team of a Microsoft Entra group, remove it from the group.", user, describe(fix.Team, "the team")))
	case obstacleOwnerTeam:
		return newResolution("a team owns the view, or its owner is unknown, so the owner cannot be impersonated", "a member of the team that owns the view",
			fmt.Sprintf("Sign in as a member of the team that owns %s, or assign the view to one person.", view),
			fmt.Sprintf("As that person, share %s with the integration user, Read only.", view))
	case obstacleOwnerDisabled:
		return newResolution(fmt.Sprintf("its owner, %s, is disabled, so no user can read or share it", name), admin,
			fmt.Sprintf("Enable the user %s in the Power Platform admin center, or reassign what %[1]s owns to a user who is enabled.", name),
			"If the owner changes, name the new one under views in the configuration.", planAgain)
	case obstacleViewUnread:
		return newResolution("no available identity sees the view", change.Maintainer,
			"Name the owner of "+view+" under views in the configuration, so that dbaudit can impersonate that person.", planAgain)
	case obstacleOtherRights:
		return newResolution("the share includes rights that dbaudit does not know and could not restore", change.Who(fix),
			fmt.Sprintf("As the owner of %s, open Manage and share views and see what the share gives.", view),
			"Note its current rights, and set it to Read.")
	case obstacleInheritedRights:
		return newResolution("the rights are inherited, and changing this share does not remove them", admin,
			fmt.Sprintf("Find where the rights to %s come from: a share or an assignment of another row that cascades to it.", view),
			"Reduce that share there, or change the cascading behavior of the relationship.")
	case obstacleFiltered:
		how := []string{
			"Find out who limited " + strings.Join(privileges, ", ") + " in " + role + " to the records of a filter, and why.",
			"If the filter is not needed, make and apply the plan with --replace-filtered.",
		}
		if fix.Kind == change.RemovePrivilege {
			how = append(how, "If a privilege is granted only with a filter, remove it from the role yourself first.")
		}
		return newResolution("a record filter limits the current grant, and rollback could not restore the filter", admin, how...)
	case obstacleNoRole:
		return newResolution("the integration user has no role yet, so the environment may refuse the share", admin,
			"Give the user the integration role; see the other entry of this plan.",
			"Make the plan again; it then shares "+view+".")
	case obstacleNone:
	}
	return resolution{who: change.Who(fix)}
}

func describe(r *audit.Reference, otherwise string) string {
	if r == nil || cmp.Or(r.Name, r.ID) == "" {
		return otherwise
	}
	return fmt.Sprintf("%s %q", otherwise, cmp.Or(r.Name, r.ID))
}
