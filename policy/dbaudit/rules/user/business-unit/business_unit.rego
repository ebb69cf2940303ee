# METADATA
# title: The integration user is in the right business unit
# description: The user's business unit is the one that the configuration names.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/create-edit-business-units
#     description: Create or edit business units
# custom:
#   severity: high
#   requires: [users]
#   fixes: [move-user, correct-configuration]
#   consequence: >-
#     Access levels below Organization depend on the user's business unit; in the wrong one, records are missing.
#   remediation: Change the user's business unit, then assign the role again, because the change removes it.
package dbaudit.rules.user["business-unit"]

import data.dbaudit.coverage
import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.units

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the user %q is in the business unit %q, not in %q%s", [
		input.users[integration.user].name,
		_actual,
		input.requirement.business_unit,
		_note,
	]),
	"subject": {"kind": "user", "id": integration.user, "name": input.users[integration.user].name},
	"evidence": {"required": input.requirement.business_unit, "actual": _actual},
	"fix": {
		"kind": _kind,
		"user": integration.user_reference,
		"business_unit": {"name": input.requirement.business_unit},
	},
} if {
	input.requirement.business_unit != ""
	coverage.was_read("business_units")
	lower(_actual) != lower(input.requirement.business_unit)
	some control in profile.controls["user/business-unit"]
}

not_applicable := integration.no_user | _not_configured

_not_configured contains "the configuration names no business unit" if input.requirement.business_unit == ""

# METADATA
# description: >-
#   The business units are needed only if one is configured, so this rule checks itself whether they were read.
unknown contains sprintf("the business units were not read%s", [coverage.detail("business_units")]) if {
	not coverage.was_read("business_units")
}

_actual := object.get(_names, _unit, _unit)

_unit := input.users[integration.user].business_unit_id

_names[id] := unit.name if some id, unit in input.business_units

_units_with_name contains id if {
	some id, unit in input.business_units
	lower(unit.name) == lower(input.requirement.business_unit)
}

_enabled_units := {id | some id in _units_with_name; count(units.disabled(id)) == 0}

# METADATA
# description: A user cannot be moved to a unit that does not exist or is disabled. A unit that was not seen may exist.
default _kind := "move-user"

_kind := "correct-configuration" if {
	count(_enabled_units) == 0
	_note != _not_seen
}

_not_seen := ", which was not seen"

# METADATA
# description: What the message says about the configured unit if no enabled unit of that name was seen.
_note := "" if {
	count(_enabled_units) > 0
} else := ", which is disabled or below a disabled one" if {
	count(_units_with_name) > 0
} else := ", which does not exist" if {
	coverage.detail("business_units") == ""
} else := _not_seen
