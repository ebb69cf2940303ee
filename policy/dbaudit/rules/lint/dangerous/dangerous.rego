# METADATA
# title: No dangerous privilege is granted
# description: >-
#   The role grants no privilege that lets its holder act in another's name, bypass the organization's own checks,
#   or remove records and their history in bulk. The integration's role also grants nothing that changes the
#   system, exports data, or deletes, assigns or shares records. What the profile requires or allows is not
#   considered dangerous.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/miscellaneous-privileges
#     description: Miscellaneous privileges
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/impersonate-another-user
#     description: Impersonate another user
# custom:
#   severity: high
#   requires: [roles, role_privileges]
#   fixes: [remove-privilege]
#   offline: true
#   consequence: What the holder of the role does cannot be prevented, or cannot be distinguished from what others do.
#   remediation: Delete the line or, if the privilege is intended, list it in allow.
package dbaudit.rules.lint.dangerous

import data.dbaudit.danger
import data.dbaudit.integration
import data.dbaudit.lint
import data.dbaudit.profile
import data.dbaudit.surplus

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s lets the role's holder %s", [lines[0].name, reason]),
	"subject": subject,
	"evidence": {"privilege": name, "entry": lines[0].entry},
	"fix": {
		"kind": "remove-privilege",
		"role": target,
		"privileges": [granted],
	},
} if {
	some control in lint.controls["lint/dangerous"]
	some role, reasons in _reasons
	count(reasons) > 0
	some name, lines in lint.lines[role]
	reason := reasons[lower(name)]
	subject := lint.subjects[role]
	target := lint.references[role]
	granted := lint.fix_privilege(role, name)
}

not_applicable := lint.not_applicable

# METADATA
# description: >-
#   What each dangerous privilege of a role lets its holder do, unless it is required or allowed. The integration role
#   must grant nothing beyond the minimum, so that more privileges are dangerous in it.
# scope: document
_reasons[role] := object.remove(danger.of_any(names), surplus.accepted) if {
	some role, names in lint.distinct_names
	not role in _minimal_roles
}

_reasons[role] := object.remove(danger.of_integration(names), surplus.accepted) if {
	some role, names in lint.distinct_names
	role in _minimal_roles
}

_minimal_roles contains integration.role if profile.controls["role/least-privilege"]
