# METADATA
# title: The integration user holds the integration role
# description: A copy of the integration role is assigned to the user, directly or through a team.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/assign-security-roles
#     description: Assign a security role to a user
# custom:
#   severity: critical
#   requires: [users, teams, roles]
#   consequence: >-
#     The sync cannot use what the role grants; a user without any role is refused every
#     request.
#   remediation: Assign the role's copy in the user's business unit to the user.
package dbaudit.rules.user.role

import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": concat("; ", array.concat([_message], sort(_silenced))),
	"subject": {"kind": "user", "id": integration.user, "name": input.users[integration.user].name},
	"evidence": {"role": integration.role_name, "reaching": _reaching},
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
# description: Teams that hold the role, and that give the user nothing.
_silenced := object.get(integration.silenced, integration.role, set())

# METADATA
# description: The membership of a team that a group of Microsoft Entra makes up is known to Dataverse late.
notes contains sprintf("the user has the role %q only through %s, whose members are those of a group in Microsoft Entra: %s", [
	integration.role_name,
	concat(" and ", sort([sprintf("the team %q", [input.teams[team].name]) | some team in _holders])),
	"a change of the group counts from the user's next sign-in on",
]) if {
	count(_holders) > 0
	role := integration.role
	not role in integration.assigned
	every team in _holders { input.teams[team].type in {2, 3} }
}

_holders := object.get(integration.teams, integration.role, set())

not_applicable := integration.no_user | integration.no_role

# METADATA
# description: >-
#   Whether a copy of another business unit's counts is for the record-ownership setting to say: a copy that
#   is left over from when the setting was on is none.
unknown contains sprintf("the organization and its record-ownership setting were not read%s", [_detail]) if {
	not input.coverage.organization.state == "collected"
}

unknown contains reason if some reason in integration.doubts[integration.role]

default _detail := ""

_detail := sprintf(": %s", [input.coverage.organization.detail]) if input.coverage.organization.detail != ""

_reaching := sort([min(integration.names[root]) | some root, _ in integration.ways])
