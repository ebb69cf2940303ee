# METADATA
# title: No privilege's name is misspelt
# description: >-
#   Each line names a privilege, and no name is a letter or two away from a standard privilege's without being
#   one. Names of tables with a publisher's prefix are taken as they are. Where a role names several privileges on
#   one table that is not among the standard ones, that is a table and no slip.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/security-access-coding
#     description: Use code to control access
# custom:
#   severity: high
#   requires: [roles, role_privileges]
#   offline: true
#   consequence: The privilege that is meant is not granted.
#   remediation: Correct the name.
package dbaudit.rules.lint.name

import data.dbaudit.lint

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("there is no standard privilege %q; did you mean %s?", [lines[0].name, lines[0].nearest]),
	"subject": subject,
	"evidence": {"privilege": lines[0].name, "nearest": lines[0].nearest, "entry": lines[0].entry},
} if {
	some control in lint.controls["lint/name"]
	some role, privileges in lint.lines
	some name, lines in privileges
	lines[0].nearest != ""
	not _own_table(role, name)
	subject := lint.subjects[role]
}

findings contains {
	"control": control.id,
	"message": sprintf("%s %s no privilege", [lint.positions(lines), _verb(lines)]),
	"subject": subject,
	"evidence": {"privilege": "", "nearest": "", "entry": lines[0].entry},
} if {
	some control in lint.controls["lint/name"]
	some role, privileges in lint.lines
	lines := privileges[""]
	subject := lint.subjects[role]
}

not_applicable := lint.not_applicable

# METADATA
# description: The tables that are not in the table of standard privileges, and of which the role names several.
_tables[role] := {table |
	some nth, table in named
	named[nth - 1] == table
} if {
	some role, privileges in lint.lines
	named := sort([table |
		some name, lines in privileges
		lines[0].standard == ""
		table := _table(name)
	])
}

# METADATA
# description: Whether a name is a privilege on a table of which the role names several.
_own_table(role, name) if _table(name) in _tables[role]

# METADATA
# description: What the name of a privilege on a table says after the right.
_table(name) := regex.find_all_string_submatch_n(
	`^prv(?:create|read|write|delete|appendto|append|assign|share)(.+)$`,
	name,
	1,
)[0][1]

_verb([_]) := "names"

_verb(lines) := "name" if count(lines) > 1
