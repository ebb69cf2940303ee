# METADATA
# title: The integration is granted what the vendor requires
# description: >-
#   Each privilege of the control's line is granted to the integration user, at a high enough access level, by a
#   role that is assigned to it directly or through a team; if no role is assigned, by the integration role.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
#   - ref: https://learn.microsoft.com/power-platform/admin/miscellaneous-privileges
#     description: Miscellaneous privileges
# custom:
#   severity: high
#   requires: [users, teams, roles, role_privileges, privileges]
#   fixes: [add-privilege, raise-depth, create-role, replace-role, install-app, assign-role]
#   offline: true
#   consequence: >-
#     Sync requests that need this privilege are refused: the sync stops, or silently skips records.
#   remediation: Grant the privilege to the integration role at the level that the finding names.
package dbaudit.rules.role.privileges

import data.dbaudit.access
import data.dbaudit.depth
import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.words

metadata := rego.metadata.chain()[1].annotations.custom

# METADATA
# description: A privilege that the environment defines, but that is not granted.
findings contains {
	"control": control,
	"message": message,
	"subject": subject,
	"evidence": evidence,
	"fix": fixes[name],
} if {
	subject := _subject
	fixes := _fixes
	some name, controls in object.filter(access.missing_findings(depth.required), _missing)
	some [control, message, evidence] in controls
}

# METADATA
# description: >-
#   The missing privileges that need no further details. A role may lack all of the minimum, so this path is fast.
_missing := {name | some name, "none" in integration.insufficient} - union({
	_needs_details,
	integration.filtered,
	object.keys(integration.unreadable),
})

# METADATA
# description: The privileges that are granted in other business units, and those without a required level.
_needs_details := object.keys(integration.other_units) | object.keys(depth.presence_only)

# METADATA
# description: A privilege that is granted at an insufficient depth, or that needs further details.
findings contains {
	"control": control.id,
	"message": concat("; ", array.concat([_message(name, required, state)], object.get(_notes, name, []))),
	"subject": _subject,
	"evidence": object.union(
		{
			"privilege": name,
			"required_depth": required,
			"actual_depth": actual,
			"state": state,
		},
		object.get(_granted_by, name, {}),
	),
	"fix": fix,
} if {
	some name, actual in object.remove(integration.insufficient, _missing | object.keys(integration.unreadable))
	required := depth.required[name]
	state := _state(name, actual)
	fix := _fixes[name]
	some control in profile.controls_by_privilege[name]
}

_granted_by[name] := {"granted_by": sort(by)} if some name, by in integration.granted_by

# METADATA
# description: A privilege that is granted at an unknown depth, which may be sufficient.
unknown_controls contains {"control": control.id, "reason": reason} if {
	some name, reasons in integration.unreadable
	integration.insufficient[name]
	some reason in reasons
	some control in profile.controls_by_privilege[name]
}

# METADATA
# description: Where a privilege is granted at a higher level that does not cover the user's business unit.
_notes[name] := [sprintf("it is granted %s, which does not include the user's", [concat(" and ", sort(places))])] if {
	some name, places in integration.other_units
}

# METADATA
# description: A privilege that the environment does not define, so that no role can grant it.
findings contains {
	"control": control.id,
	"message": concat("", [
		sprintf("the environment does not define %s (%s), so no role can grant it", [profile.rights[name], name]),
		_app_note(control.table),
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
	some name in (profile.minimum - object.keys(input.privileges))
	wanted := depth.requested[name]
	some control in profile.controls_by_privilege[name]
}

not_applicable contains reason if {
	count(integration.assigned_copies) == 0
	some reason in integration.no_role
}

# METADATA
# description: Sufficient grants from roles that may not be in effect.
unknown_controls contains {"control": control.id, "reason": sprintf("%s: %s", [name, reason])} if {
	some name, reasons in integration.uncertain_grants
	some reason in reasons
	some control in profile.controls_by_privilege[name]
}

# METADATA
# description: The subject of findings; undefined if no role is judged.
_subject := {"kind": "role", "id": integration.role, "name": integration.role_name} if {
	integration.role
} else := {"kind": "user", "id": integration.user, "name": input.users[integration.user].name} if {
	count(integration.assigned_copies) > 0
}

_state(_, actual) := "shallow" if actual != "none"

_state(name, "none") := "filtered" if name in integration.filtered

_state(name, "none") := "missing" if not name in integration.filtered

_message(name, required, "filtered") := sprintf("%s is granted for some records only%s; %s is required (%s)", [
	profile.rights[name],
	_granting_roles(name),
	words.levels[required],
	name,
])

# METADATA
# description: A privilege without a required level may be granted at any level.
_message(name, required, "missing") := sprintf("%s is not granted%s (%s)", [profile.rights[name], _at_level(name, required), name])

_message(name, required, "shallow") := sprintf("%s is granted at %s level%s; %s is required (%s)", [
	profile.rights[name],
	words.levels[integration.granted[name]],
	_granting_roles(name),
	words.levels[required],
	name,
])

default _at_level(_, _) := ""

_at_level(name, required) := sprintf("; %s is required", [words.levels[required]]) if not depth.presence_only[name]

# METADATA
# description: The roles that grant a privilege; empty if only the integration role does.
default _granting_roles(_) := ""

_granting_roles(name) := sprintf(", by %s", [concat(" and ", [sprintf("the role %q", [by]) | some by in sort(integration.granted_by[name])])]) if {
	some by in integration.granted_by[name]
	by != integration.role_name
}

_app_note("") := ""

_app_note(table) := sprintf("; the app that contains the table %q is not installed", [table]) if table != ""

# METADATA
# description: The fix by privilege. A role that already grants enough only needs to be assigned to the user.
_fixes := integration.grant_fixes if {
	count(_also_assign) == 0
	count(object.keys(integration.insufficient) - object.keys(integration.insufficient_in_role)) == 0
} else := object.union_n([
	integration.grant_fixes,
	{name: {"kind": "assign-role", "role": integration.role_reference, "user": integration.user_reference} |
		some name in (object.keys(integration.insufficient) - object.keys(integration.insufficient_in_role))
	},
	{name: object.union(integration.grant_fixes[name], user) | some name, user in _also_assign},
])

# METADATA
# description: >-
#   The user, for privileges that need a direct assignment too: only a team has the role, and its Basic rights apply
#   only to the team. Another control checks whether the role is assigned at all.
_also_assign[name] := {"user": integration.user_reference} if {
	integration.role_editable
	integration.ways[integration.role]
	not integration.gives_basic
	some name, "basic" in depth.required
}
