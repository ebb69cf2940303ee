# METADATA
# title: The integration role is a custom role that can be edited
# description: The role is made from no role template, and its managed property iscustomizable is true.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/database-security
#     description: Predefined security roles
# custom:
#   severity: high
#   requires: [users, teams, roles]
#   offline: true
#   consequence: A built-in role grants what Microsoft decides, and a locked one cannot be mended.
#   remediation: Create a custom security role, grant it the minimum and assign it in place of this one.
package dbaudit.rules.role.custom

import data.dbaudit.integration
import data.dbaudit.profile

findings contains {
	"control": control.id,
	"message": sprintf("the role %q %s", [integration.role_name, concat(" and ", sort(_faults))]),
	"subject": {"kind": "role", "id": integration.role, "name": integration.role_name},
	"evidence": {
		"built_in": "is a built-in role" in _faults,
		"customizable": integration.role_customizable,
	},
	"fix": {"kind": "replace-role", "role": integration.role_reference},
} if {
	some control in profile.controls["role/custom"]
	count(_faults) > 0
}

not_applicable := integration.no_role

_faults contains "is a built-in role" if {
	some copy in input.roles
	copy.root_id == integration.role
	copy.template_id != ""
}

_faults contains "cannot be edited (iscustomizable is false)" if not integration.role_customizable
