# METADATA
# title: The integration user holds the integration role
# description: A copy of the integration role reaches the user, directly or through a team.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/assign-security-roles
#     description: Assign a security role to a user
# custom:
#   severity: critical
#   requires: [users, teams, roles]
#   consequence: >-
#     What the role grants does not reach the synchronisation; a user without any role is refused every
#     request.
#   remediation: Assign the role's copy in the user's business unit to the user.
package dbaudit.rules.user.role

import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the role %q reaches the user %q neither directly nor through a team", [
		integration.role_name,
		input.users[integration.user].name,
	]),
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

not_applicable := integration.no_user | integration.no_role

# METADATA
# description: >-
#   Whether a copy of another business unit's counts is for the record-ownership setting to say: a copy that
#   is left over from when the setting was on is none.
unknown contains sprintf("the organization and its record-ownership setting were not read%s", [_detail]) if {
	not input.coverage.organization.state == "collected"
}

default _detail := ""

_detail := sprintf(": %s", [input.coverage.organization.detail]) if input.coverage.organization.detail != ""

_reaching := sort([min(integration.names[root]) | some root, _ in integration.ways])
