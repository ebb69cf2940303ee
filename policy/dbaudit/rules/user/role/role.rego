# METADATA
# title: The integration role is assigned to the integration user
# description: A copy of the integration role is assigned to the user, directly or through a team.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/assign-security-roles
#     description: Assign a security role to a user
# custom:
#   severity: critical
#   requires: [users, teams, roles]
#   fixes: [assign-role]
#   consequence: The sync cannot use what the role grants; a user without any role is refused every request.
#   remediation: Assign the role's copy in the user's business unit to the user.
package dbaudit.rules.user.role

import data.dbaudit.coverage
import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": concat("; ", array.concat([_message], sort(_ineffective))),
	"subject": {"kind": "user", "id": integration.user, "name": input.users[integration.user].name},
	"evidence": {"role": integration.role_name, "reaching": _assigned_names},
	"fix": {
		"kind": "assign-role",
		"role": integration.role_reference,
		"user": integration.user_reference,
	},
} if {
	integration.user
	not integration.ways[integration.role]
	some control in profile.controls["user/role"]
}

_message := sprintf("the role %q is not assigned to the user %q, neither directly nor through a team", [
	integration.role_name,
	input.users[integration.user].name,
])

# METADATA
# description: Teams that have the role, without effect for the user.
_ineffective := object.get(integration.ineffective_roles, integration.role, set())

# METADATA
# description: A change to a Microsoft Entra group takes effect late in the team with its members.
notes contains sprintf("the user has the role %q only through %s, whose members come from a Microsoft Entra group: %s", [
	integration.role_name,
	concat(" and ", sort([sprintf("the team %q", [input.teams[team].name]) | some team in _teams_with_role])),
	"a change of the group takes effect at the user's next sign-in",
]) if {
	count(_teams_with_role) > 0
	role := integration.role
	not role in integration.assigned
	every team in _teams_with_role { input.teams[team].type in {2, 3} }
}

_teams_with_role := object.get(integration.teams, integration.role, set())

not_applicable := integration.no_user | integration.no_role

# METADATA
# description: >-
#   The record-ownership setting decides whether a copy of another business unit is in effect.
unknown contains sprintf("the organization and its record-ownership setting were not read%s", [coverage.detail("organization")]) if {
	not coverage.was_read("organization")
}

unknown contains reason if some reason in integration.uncertain_roles[integration.role]

_assigned_names := sort([min(integration.names[root]) | some root, _ in integration.ways])
