# METADATA
# title: The integration user sits in the right business unit
# description: The user's business unit is the one that the configuration names.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/create-edit-business-units
#     description: Create or edit business units
# custom:
#   severity: high
#   requires: [users, business_units]
#   consequence: Access levels below organization are counted from the user's business unit; in the wrong one records are missing.
#   remediation: Change the user's business unit, then assign the role again, which the change takes away.
package dbaudit.rules.user["business-unit"]

import data.dbaudit.integration
import data.dbaudit.profile

findings contains {
	"control": control.id,
	"message": sprintf("the user %q sits in the business unit %q, not in %q%s", [
		input.users[integration.user].name,
		_actual,
		input.requirement.business_unit,
		_absent_note,
	]),
	"subject": {"kind": "user", "id": integration.user, "name": input.users[integration.user].name},
	"evidence": {"required": input.requirement.business_unit, "actual": _actual},
	"fix": {
		"kind": "move-user",
		"user": integration.user_reference,
		"business_unit": {"name": input.requirement.business_unit},
	},
} if {
	some control in profile.controls["user/business-unit"]
	input.requirement.business_unit != ""
	integration.user
	lower(_actual) != lower(input.requirement.business_unit)
}

not_applicable := integration.no_user | _not_named

_not_named contains "the configuration names no business unit" if input.requirement.business_unit == ""

_actual := input.business_units[_unit].name if {
	input.business_units[_unit]
} else := _unit

_unit := input.users[integration.user].business_unit_id

_absent_note := "" if {
	some unit in input.business_units
	lower(unit.name) == lower(input.requirement.business_unit)
} else := ", which does not exist"
