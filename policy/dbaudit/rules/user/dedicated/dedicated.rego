# METADATA
# title: The integration user is a dedicated application user
# description: The user has an application id; it is not a person's account.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/manage-application-users
#     description: Manage application users in the Power Platform admin center
# custom:
#   severity: medium
#   requires: [users]
#   fixes: [replace-user]
#   consequence: >-
#     A person's account stops working when the person leaves, changes the password or needs a second factor.
#   remediation: Create an application user for the integration and connect the vendor with it.
package dbaudit.rules.user.dedicated

import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the integration runs as %q, a person's account, not an application user", [
		input.users[integration.user].name,
	]),
	"subject": {"kind": "user", "id": integration.user, "name": input.users[integration.user].name},
	"evidence": {
		"application_user": false,
		"licensed": input.users[integration.user].licensed,
	},
	"fix": {"kind": "replace-user", "user": integration.user_reference},
} if {
	input.users[integration.user].application_id == ""
	some control in profile.controls["user/dedicated"]
}

not_applicable := integration.no_user
