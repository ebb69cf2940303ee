# METADATA
# title: The integration role is a custom role that can be edited
# description: The role does not come from a role template, and its managed property iscustomizable is true.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/database-security#predefined-security-roles
#     description: Predefined security roles
# custom:
#   severity: high
#   requires: [users, teams, roles]
#   fixes: [replace-role]
#   offline: true
#   consequence: A built-in role grants what Microsoft decides, and a locked one cannot be fixed.
#   remediation: >-
#     Create a custom security role, grant it the minimum and assign it instead of this one. In a role's file, set
#     IsCustomizable to 1.
package dbaudit.rules.role.custom

import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains object.union(
	{
		"control": control.id,
		"message": sprintf("the role %q %s", [integration.role_name, concat(" and ", _faults)]),
		"subject": {"kind": "role", "id": integration.role, "name": integration.role_name},
		"evidence": {
			"built_in": count(integration.role_built_in) > 0,
			"customizable": count(integration.role_locked) == 0,
		},
	},
	_remedy,
) if {
	count(_faults) > 0
	some control in profile.controls["role/custom"]
}

# METADATA
# description: A role in a file is not replaced, because its author can edit the file.
_remedy := {} if {
	input.source == "solution"
} else := {"fix": {"kind": "replace-role", "role": integration.role_reference}}

not_applicable := integration.no_role

unknown contains integration.role_undecided[_]

unknown contains sprintf("it is unknown whether the role %q can be edited: its iscustomizable is null", [
	integration.role_name,
]) if {
	count(integration.role_locked) == 0
	some copy in input.roles
	copy.root_id == integration.role
	copy.customizable_unknown
}

_faults contains "is a built-in role" if count(integration.role_built_in) > 0

_faults contains "cannot be edited (iscustomizable is false)" if {
	count(integration.role_locked) > 0
	input.source != "solution"
}

_faults contains _locked_in_file if {
	count(integration.role_locked) > 0
	input.source == "solution"
}

_locked_in_file := concat("", [
	"cannot be edited once its solution is installed as managed: ",
	"set IsCustomizable to 1 in the role's file",
])
