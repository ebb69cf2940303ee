# METADATA
# title: No privilege's name is misspelt
# description: >-
#   Each line names a privilege, and no name is a letter or two away from a standard privilege's without being
#   one. Names of tables with a publisher's prefix are taken as they are.
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
	some lines in privileges
	lines[0].nearest != ""
	subject := lint.subjects[role]
}

findings contains {
	"control": control.id,
	"message": sprintf("line %d names no privilege", [lines[0].line]),
	"subject": subject,
	"evidence": {"privilege": "", "nearest": "", "entry": lines[0].entry},
} if {
	some control in lint.controls["lint/name"]
	some role, privileges in lint.lines
	lines := privileges[""]
	subject := lint.subjects[role]
}

not_applicable := lint.not_applicable
