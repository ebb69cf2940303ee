# METADATA
# title: Business units
# description: >-
#   The tree of business units. Disabling one disables all below it: their users cannot sign in, although their
#   rows stay enabled, and the roles of their teams have no effect.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/create-edit-business-units
#     description: Create or edit business units
package dbaudit.units

import data.dbaudit.coverage

# METADATA
# description: A business unit and all units above it that were read.
above(id) := graph.reachable(_parents, {id})

# METADATA
# description: The disabled units among them.
disabled(id) := {unit | some unit in above(id); input.business_units[unit].disabled}

# METADATA
# description: Whether a business unit and all units above it were read.
known(id) if {
	coverage.was_read("business_units")
	some unit in above(id)
	input.business_units[unit].parent_id == ""
}

# METADATA
# description: Why business units were not read, as the end of a sentence; empty if they were.
detail := "" if {
	coverage.was_read("business_units")
} else := coverage.detail("business_units")

_parents[id] := [unit.parent_id | unit.parent_id != ""] if some id, unit in input.business_units
