# METADATA
# title: The integration role exists
# description: >-
#   The role that the configuration names exists; if it names none, a custom role that is assigned to the
#   integration user, or one whose name matches the profile's pattern.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/create-edit-security-role
#     description: Create or edit a security role to manage access
# custom:
#   severity: critical
#   requires: [users, teams, roles]
#   fixes: [create-role]
#   offline: true
#   consequence: Without the role nothing can be granted to the integration user.
#   remediation: Create a custom security role in the root business unit and grant it the minimum.
package dbaudit.rules.role.exists

import data.dbaudit.depth
import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

# METADATA
# description: A role of the vendor's own solution comes with the solution; dbaudit cannot create it.
findings contains {
	"control": control.id,
	"message": sprintf("there is no security role named %q: install the vendor's solution, which contains it", [named]),
	"subject": {"kind": "role", "id": "", "name": named},
	"evidence": {"role": named, "state": "missing"},
} if {
	not integration.role
	input.requirement.role == ""
	named := profile.current.supplements
	some control in profile.controls["role/exists"]
}

findings contains {
	"control": control.id,
	"message": _message,
	"subject": {"kind": "role", "id": "", "name": integration.required_role_name},
	"evidence": {"role": integration.required_role_name, "state": "missing"},
	"fix": {"kind": "create-role", "role": {"name": integration.required_role_name}, "privileges": _privileges},
} if {
	not integration.role
	not _is_vendor_role
	some control in profile.controls["role/exists"]
}

_is_vendor_role if {
	profile.current.supplements
	input.requirement.role == ""
}

_message := sprintf("there is no security role named %q", [input.requirement.role]) if {
	input.requirement.role != ""
} else := sprintf("no role in the files has %q in its name", [profile.current.pattern]) if {
	input.source == "solution"
} else := sprintf("the integration user has no custom security role, and no role has %q in its name", [
	profile.current.pattern,
])

_privileges := [{"name": name, "id": input.privileges[name].id, "depth": depth.required[name]} |
	some name in sort(profile.minimum)
]
