# METADATA
# title: Every level is one that its privilege allows
# description: >-
#   The level of each line is Basic, Local, Deep or Global and, for a standard privilege, one that the privilege
#   allows.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
# custom:
#   severity: medium
#   requires: [roles, role_privileges, privileges]
#   fixes: []
#   offline: true
#   consequence: An import of such a level fails, or grants a different one.
#   remediation: Write a level that the privilege allows.
package dbaudit.rules.lint.level

import data.dbaudit.access
import data.dbaudit.lint

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s: write Basic, Local, Deep or Global", [_fault(bad[0])]),
	"subject": subject,
	"evidence": {"privilege": name, "level": bad[0].level, "entry": bad[0].entry},
} if {
	some control in lint.controls["lint/level"]
	some role in _roles_with_unknown_level
	some name, lines in lint.lines[role]
	name != "" # lint/name reports lines without a name
	bad := [line | some line in lines; not lower(line.level) in access.levels]
	count(bad) > 0
	subject := lint.subjects[role]
}

findings contains {
	"control": control.id,
	"message": sprintf("%s cannot be granted at %s: it allows %s", [bad[0].name, bad[0].level, _level_names(allowed)]),
	"subject": subject,
	"evidence": {"privilege": name, "level": bad[0].level, "allowed": allowed, "entry": bad[0].entry},
} if {
	some control in lint.controls["lint/level"]
	some role in _roles_with_refused_level
	some name, lines in lint.lines[role]
	allowed := input.privileges[name].depths
	count(allowed) > 0 # otherwise the allowed levels are unknown
	bad := [line | some line in lines; not lower(line.level) in allowed]
	count(bad) > 0
	every line in lines { lower(line.level) in access.levels }
	subject := lint.subjects[role]
}

not_applicable := lint.not_applicable

# METADATA
# description: The roles with a line with a level that is not an access level.
_roles_with_unknown_level := {role |
	some role, entries in input.role_entries
	some level in {level | level := entries[_].level}
	not lower(level) in access.levels
}

# METADATA
# description: The roles that may have a line with a level that its privilege does not allow.
# scope: document
_roles_with_refused_level contains role if {
	some role, entries in input.role_entries
	count(lint.standard_names[role] & _defined) > 0
	some entry in entries
	allowed := input.privileges[entry.standard].depths
	not lower(entry.level) in allowed
}

_roles_with_refused_level contains role if {
	some role, names in lint.distinct_names
	count(names & _defined) > 0
}

_defined := object.keys(input.privileges)

_fault(line) := sprintf("%s has no level", [line.name]) if line.level == ""

_fault(line) := sprintf("the level %q of %s is not an access level", [line.level, line.name]) if line.level != ""

# METADATA
# description: Levels as files spell them.
_level_names(levels) := concat(", ", [sprintf("%s%s", [upper(substring(level, 0, 1)), substring(level, 1, -1)]) |
	some level in levels
])
