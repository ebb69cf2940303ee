# METADATA
# title: The integration is granted what the vendor asks for
# description: >-
#   Each privilege of the control's line is granted to the integration user, deeply enough, by some role that
#   reaches it directly or through a team; where no role reaches it, by the integration role.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
#   - ref: https://learn.microsoft.com/power-platform/admin/miscellaneous-privileges
#     description: Miscellaneous privileges
# custom:
#   severity: high
#   requires: [users, teams, roles, role_privileges, privileges]
#   offline: true
#   consequence: >-
#     The synchronisation is refused what the privilege stands for, and stops or leaves records out without a
#     word.
#   remediation: Grant the privilege to the integration role at the level that the finding names.
package dbaudit.rules.role.privileges

import data.dbaudit.depth
import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

# METADATA
# description: A privilege that the environment defines, but that is not granted at all or not deeply enough.
findings contains {
	"control": control.id,
	"message": concat("; ", array.concat([_message(name, required, state)], object.get(_beside, name, []))),
	"subject": _subject,
	"evidence": {
		"privilege": name,
		"required_depth": required,
		"actual_depth": actual,
		"state": state,
	},
	"fix": fix,
} if {
	some control in profile.controls["role/privileges"]
	some name in control.privileges
	some required, actual in _short[name]
	not integration.unreadable[name]
	state := _state(name, actual)
	fix := _fixes[name]
}

# METADATA
# description: A privilege that may be granted deeply enough, at a depth that nobody knows.
unknown_controls contains {"control": control.id, "reason": reason} if {
	some control in profile.controls["role/privileges"]
	some name in control.privileges
	_short[name]
	some reason in integration.unreadable[name]
}

# METADATA
# description: Where a privilege is granted deeper, and does not cover the user's business unit.
_beside[name] := [sprintf("it is granted %s, which does not take in the user's", [concat(" and ", sort(places))])] if {
	some name, places in integration.elsewhere
}

# METADATA
# description: The depth that is required of what is not granted deeply enough, with the depth that is.
_short[name] := {required: actual} if {
	some name, required in depth.required
	actual := object.get(integration.granted, name, "none")
	depth.rank[actual] < depth.rank[required]
}

# METADATA
# description: A privilege that the environment does not define, so that no role can grant it.
findings contains {
	"control": control.id,
	"message": concat("", [
		sprintf("the environment does not define %s, so that no role can grant it", [name]),
		_app(control.table),
	]),
	"subject": _subject,
	"evidence": {
		"privilege": name,
		"required_depth": wanted,
		"actual_depth": "none",
		"state": "undefined",
	},
	"fix": {"kind": "install-app", "table": control.table, "privileges": [{"name": name}]},
} if {
	some control in profile.controls["role/privileges"]
	some name in control.privileges
	not input.privileges[name]
	wanted := depth.wanted[name]
}

not_applicable contains reason if {
	count(integration.reaching) == 0
	some reason in integration.no_role
}

# METADATA
# description: Roles that may not count could make a grant deep enough.
unknown_controls contains {"control": control.id, "reason": sprintf("%s: %s", [name, reason])} if {
	some control in profile.controls["role/privileges"]
	some name in control.privileges
	some reason in integration.ungranted[name]
}

# METADATA
# description: What is judged; undefined where there is nothing to judge.
_subject := {"kind": "role", "id": integration.role, "name": integration.role_name} if {
	integration.role
} else := {"kind": "user", "id": integration.user, "name": input.users[integration.user].name} if {
	count(integration.reaching) > 0
}

# METADATA
# description: Of what is judged by its presence no level is demanded.
_unsaid[name] := "" if some name, _ in depth.present

_state(_, actual) := "shallow" if actual != "none"

_state(name, "none") := "filtered" if name in integration.filtered

_state(name, "none") := "missing" if not name in integration.filtered

_message(name, required, "filtered") := sprintf("%s is granted for some records only; it must be granted at %s depth", [
	name,
	required,
])

_message(name, required, "missing") := sprintf("%s is not granted; it must be granted%s", [
	name,
	object.get(_unsaid, name, sprintf(" at %s depth", [required])),
])

_message(name, required, "shallow") := sprintf("%s is granted at %s depth; it must be granted at %s depth", [
	name,
	integration.granted[name],
	required,
])

_app("") := ""

_app(table) := sprintf("; the app that brings the table %q is not installed", [table]) if table != ""

# METADATA
# description: A role that grants enough already only has to reach the user itself.
# scope: document
_fixes[name] := {
	"kind": "assign-role",
	"role": integration.role_reference,
	"user": integration.user_reference,
} if {
	some name in _enough
}

_fixes[name] := object.union(fix, object.get(_assigned_too, name, {})) if {
	some name, fix in integration.grant
	not name in _enough
}

# METADATA
# description: >-
#   Who must be assigned the role besides, because only a team holds it and keeps its Basic rights to itself. A role
#   that does not reach the user at all is for the control of the assignment.
_assigned_too[name] := {"user": integration.user_reference} if {
	integration.role_editable
	integration.ways[integration.role]
	not integration.gives_basic
	some name, "basic" in depth.required
}

_enough contains name if {
	some name, required in depth.required
	depth.rank[integration.own[name]] >= depth.rank[required]
}
