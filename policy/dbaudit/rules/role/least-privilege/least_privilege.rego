# METADATA
# title: The integration role grants nothing beyond the minimum
# description: >-
#   Each privilege of the role is required by the vendor, is one of the nine privileges that the platform gives to
#   every new role, or is allowed by the profile or the configuration.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
# custom:
#   severity: medium
#   requires: [users, teams, roles, role_privileges]
#   fixes: [remove-privilege, replace-role]
#   offline: true
#   consequence: Anyone with the vendor's credentials has every privilege of this role.
#   remediation: Remove the surplus from the role, the dangerous privileges first, or list intended ones in allow.
package dbaudit.rules.role["least-privilege"]

import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.surplus

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": _message,
	"subject": {"kind": "role", "id": integration.role, "name": integration.role_name},
	"evidence": {
		"surplus": surplus.in_display_order,
		"count": count(surplus.names),
		"dangerous": count(surplus.dangerous),
	},
	"fix": _fix,
} if {
	count(surplus.names) > 0
	some control in profile.controls["role/least-privilege"]
}

not_applicable := integration.no_role

# METADATA
# description: A role that cannot be edited must be replaced before its surplus can be removed.
_fix := {
	"kind": "remove-privilege",
	"role": integration.role_reference,
	"privileges": _removals,
} if {
	integration.role_editable
} else := {"kind": "replace-role", "role": integration.role_reference}

# METADATA
# description: A privilege that is granted for some records only, or at an unknown depth, has no depth here.
_removals := [{"name": name, "depth": depth} |
	grants := integration.own
	some name in surplus.in_display_order
	depth := grants[name]
] if {
	count(integration.own_names) == count(integration.own)
} else := [object.union({"name": name}, named) |
	depths := {name: {"depth": depth} | some name, depth in integration.own}
	some name in surplus.in_display_order
	named := object.get(depths, name, {})
]

_message := sprintf("the role %q grants %s: %s", [integration.role_name, _count_words, _shown_names])

_count_words := "1 privilege beyond the minimum" if {
	count(surplus.names) == 1
	count(surplus.dangerous) == 0
} else := "1 dangerous privilege beyond the minimum" if {
	count(surplus.names) == 1
} else := sprintf("%d privileges beyond the minimum%s", [count(surplus.names), _warning])

default _warning := ""

_warning := ", all of them dangerous" if {
	surplus.dangerous == surplus.names
} else := sprintf(", %d of them dangerous", [count(surplus.dangerous)]) if {
	count(surplus.dangerous) > 0
}

_shown_names := sprintf("%s and %d more", [concat(", ", array.slice(surplus.in_display_order, 0, 5)), count(surplus.in_display_order) - 5]) if {
	count(surplus.in_display_order) > 5
} else := concat(", ", surplus.in_display_order)
