# METADATA
# title: Names are spelled as Dataverse spells them
# description: No standard privilege's name differs from Dataverse's own spelling in the case of its letters.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/security-access-coding
#     description: Use code to control access
# custom:
#   severity: info
#   requires: [roles, role_privileges]
#   fixes: []
#   offline: true
#   consequence: The next export changes the line; such changes hide the real ones.
#   remediation: Write the name as Dataverse does.
package dbaudit.rules.lint.case

import data.dbaudit.lint

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s is spelled %s in Dataverse", [other[0].name, name]),
	"subject": subject,
	"evidence": {"privilege": name, "name": other[0].name, "entry": other[0].entry},
} if {
	some control in lint.controls["lint/case"]
	some role in _roles_to_search
	some name, lines in lint.lines[role]
	other := [line | some line in lines; line.name != name; line.standard != ""]
	count(other) > 0
	subject := lint.subjects[role]
}

not_applicable := lint.not_applicable

# METADATA
# description: >-
#   The roles that may have a line with a different spelling: no line has the standard spelling, or several lines name
#   the same privilege.
# scope: document
_roles_to_search contains role if {
	some role, entries in input.role_entries
	meant := lint.standard_names[role] - {""}
	count(meant) > 0
	spelt := {name | name := entries[_].name}
	count(meant - spelt) > 0
}

_roles_to_search contains role if {
	some role, names in lint.names
	count(lint.distinct_names[role]) < count(names)
}
