# METADATA
# title: The integration role alone grants what the user needs
# description: No required privilege is granted only by another role.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
# custom:
#   severity: low
#   requires: [users, teams, roles, role_privileges, privileges]
#   fixes: [add-privilege, raise-depth, create-role, replace-role]
#   offline: true
#   consequence: If another role fills a gap, the gap opens, unnoticed, on the day somebody removes that role.
#   remediation: Grant the privilege to the integration role itself.
package dbaudit.rules.role.complete

import data.dbaudit.access
import data.dbaudit.depth
import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.words

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s is granted at %s level only by other roles (%s); %q itself %s (%s)", [
		profile.rights[name],
		words.levels[granted],
		concat(", ", fillers),
		integration.role_name,
		_words(state, actual),
		name,
	]),
	"subject": {"kind": "role", "id": integration.role, "name": integration.role_name},
	"evidence": {
		"privilege": name,
		"required_depth": required,
		"actual_depth": actual,
		"state": state,
		"filled_by": fillers,
	},
	"fix": fix,
} if {
	some name, actual in _filled_by_others
	some control in profile.controls["role/complete"]
	not integration.own_unreadable[name]
	not integration.uncertain_grants[name]
	required := depth.required[name]
	granted := integration.granted[name]
	state := _state(name, actual)
	fillers := sort(_other_roles[name])
	fix := integration.grant_fixes[name]
}

# METADATA
# description: A privilege that another role grants at a sufficient depth, and this role at an unknown depth.
unknown contains reason if {
	some name, _ in _filled_by_others
	reason := integration.own_unreadable[name]
}

# METADATA
# description: A privilege that another role grants at a sufficient depth, but perhaps without effect.
unknown contains sprintf("%s: %s", [name, reason]) if {
	some name, _ in _filled_by_others
	some reason in integration.uncertain_grants[name]
}

# METADATA
# description: >-
#   The privileges that the user has at a sufficient depth and this role does not certainly grant at it, with the depth
#   that this role grants.
_filled_by_others := object.remove(integration.insufficient_in_role, object.keys(integration.insufficient)) if {
	count(integration.assigned_copies) > 0
} else := {}

not_applicable := integration.no_role

# METADATA
# description: The names of the other roles that grant each privilege at a sufficient depth.
_other_roles[name] contains filler if {
	some name, _ in _filled_by_others
	required := depth.required[name]
	some root, _ in integration.ways
	root != integration.role
	access.rank[input.role_privileges[root][name]] >= access.rank[required]
	some filler in integration.names[root]
}

_state(_, actual) := "shallow" if actual != "none"

_state(name, "none") := "filtered" if name in integration.own_filtered

_state(name, "none") := "missing" if not name in integration.own_filtered

_words("missing", _) := "does not grant it"

_words("filtered", _) := "grants it for some records only"

_words("shallow", actual) := sprintf("grants it at %s level", [words.levels[actual]])
