# METADATA
# title: No privilege's name is misspelled
# description: >-
#   Each line names a privilege, and no name differs by only one or two letters from a standard privilege's. Names
#   of tables with a publisher's prefix are accepted. If a role names several privileges on one unknown table,
#   this is a custom table and not a misspelling.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/security-access-coding
#     description: Use code to control access
# custom:
#   severity: high
#   requires: [roles, role_privileges]
#   fixes: []
#   offline: true
#   consequence: The intended privilege is not granted.
#   remediation: Correct the name.
package dbaudit.rules.lint.name

import data.dbaudit.lint
import data.dbaudit.words

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("there is no standard privilege %q; did you mean %s?", [lines[0].name, lines[0].nearest]),
	"subject": subject,
	"evidence": {"privilege": lines[0].name, "nearest": lines[0].nearest, "entry": lines[0].entry},
} if {
	some control in lint.controls["lint/name"]
	some role in _roles_with_nearest
	some name, lines in lint.lines[role]
	lines[0].nearest != ""
	not _is_custom_table(role, name)
	subject := lint.subjects[role]
}

findings contains {
	"control": control.id,
	"message": sprintf("%s %s no privilege", [lint.positions(lines), _verb(lines)]),
	"subject": subject,
	"evidence": {"privilege": "", "nearest": "", "entry": lines[0].entry},
} if {
	some control in lint.controls["lint/name"]
	some role, names in lint.distinct_names
	lint.has_blank(names)
	lines := lint.lines[role][""]
	subject := lint.subjects[role]
}

not_applicable := lint.not_applicable

_roles_with_nearest := {role |
	some role, entries in input.role_entries
	count({name | name := entries[_].nearest} - {""}) > 0
}

# METADATA
# description: Tables that have no standard privileges, but several privileges in the role.
_custom_tables[role] := {table |
	some nth, table in named
	named[nth - 1] == table
} if {
	some role, privileges in lint.lines
	named := sort([table |
		some name, lines in privileges
		lines[0].standard == ""
		table := words.table(name)
	])
}

# METADATA
# description: Whether a name is a privilege on a table with several privileges in the role.
_is_custom_table(role, name) if words.table(name) in _custom_tables[role]

_verb([_]) := "names"

_verb(lines) := "name" if count(lines) > 1
