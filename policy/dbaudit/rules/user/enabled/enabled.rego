# METADATA
# title: The integration user is enabled
# description: The user's isdisabled is false.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/manage-application-users
#     description: Manage application users in the Power Platform admin center
# custom:
#   severity: critical
#   requires: [users]
#   consequence: A disabled user is refused every request, and the synchronisation stops.
#   remediation: Activate the application user in the Power Platform admin center.
package dbaudit.rules.user.enabled

import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the user %q is disabled", [input.users[integration.user].name]),
	"subject": {"kind": "user", "id": integration.user, "name": input.users[integration.user].name},
	"evidence": {"disabled": true},
	"fix": {"kind": "enable-user", "user": integration.user_reference},
} if {
	input.users[integration.user].disabled
	some control in profile.controls["user/enabled"]
}

not_applicable := integration.no_user
