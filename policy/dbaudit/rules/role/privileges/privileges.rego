# METADATA
# title: The integration is granted what the vendor asks for
# description: >-
#   Each privilege of the control's line is granted to the integration user, deeply enough, by some role that
#   reaches it directly or through a team; where no role reaches it, by the integration role.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
# custom:
#   severity: high
#   requires: [users, teams, roles, role_privileges, privileges]
#   offline: true
#   consequence: The synchronisation is refused what the privilege stands for, and stops or leaves records out without a word.
#   remediation: Grant the privilege to the integration role at the level that the finding names.
package dbaudit.rules.role.privileges

import data.dbaudit.depth
import data.dbaudit.integration
import data.dbaudit.profile

# METADATA
# description: A privilege that the environment defines, but that is not granted at all or not deeply enough.
findings contains {
	"control": control.id,
	"message": _message(name, required, actual),
	"subject": _subject,
	"evidence": {
		"privilege": name,
		"required_depth": required,
		"actual_depth": actual,
		"state": _state(actual),
	},
	"fix": _fix(name, required),
} if {
	some control in profile.controls["role/privileges"]
	some name in control.privileges
	required := depth.required[name]
	actual := object.get(integration.granted, name, "none")
	depth.rank[actual] < depth.rank[required]
}

# METADATA
# description: A privilege that the environment does not define, so that no role can grant it.
findings contains {
	"control": control.id,
	"message": sprintf("the environment does not define %s: the app that brings the table %q is not installed", [
		name,
		control.table,
	]),
	"subject": _subject,
	"evidence": {
		"privilege": name,
		"required_depth": depth.wanted(name),
		"actual_depth": "none",
		"state": "undefined",
	},
	"fix": {"kind": "install-app", "table": control.table, "privileges": [{"name": name}]},
} if {
	some control in profile.controls["role/privileges"]
	some name in control.privileges
	not input.privileges[name]
}

not_applicable contains reason if {
	count(integration.reaching) == 0
	some reason in integration.no_role
}

_subject := {"kind": "role", "id": integration.role, "name": integration.role_name} if {
	integration.role
} else := {"kind": "user", "id": integration.user, "name": input.users[integration.user].name}

_state("none") := "missing"

_state(actual) := "shallow" if actual != "none"

_message(name, required, "none") := sprintf("%s is not granted; it must be granted at %s depth", [name, required])

_message(name, required, actual) := sprintf("%s is granted at %s depth; it must be granted at %s depth", [
	name,
	actual,
	required,
]) if {
	actual != "none"
}

_grant(name, required) := {"name": name, "id": input.privileges[name].id, "depth": required}

# METADATA
# description: A role that grants enough already only has to reach the user.
_fix(name, required) := {
	"kind": "assign-role",
	"role": integration.role_reference,
	"user": integration.user_reference,
} if {
	depth.rank[integration.own[name]] >= depth.rank[required]
} else := {"kind": "create-role", "privileges": [_grant(name, required)]} if {
	not integration.role
} else := {
	"kind": "replace-role",
	"role": integration.role_reference,
	"privileges": [_grant(name, required)],
} if {
	not integration.role_editable
} else := {
	"kind": "raise-depth",
	"role": integration.role_reference,
	"privileges": [_grant(name, required)],
} if {
	integration.own[name]
} else := {
	"kind": "add-privilege",
	"role": integration.role_reference,
	"privileges": [_grant(name, required)],
}
