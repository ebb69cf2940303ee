# METADATA
# title: No privilege is listed twice
# description: Each privilege has one line in the role's file, whatever the case of its name.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/alm/solution-packager-tool
#     description: SolutionPackager tool
# custom:
#   severity: medium
#   requires: [roles, role_privileges]
#   offline: true
#   consequence: >-
#     Which of the lines an import takes is not documented, so that the role may grant another level than the
#     one that was reviewed.
#   remediation: Keep the line with the level that is meant, and delete the others.
package dbaudit.rules.lint.duplicate

import data.dbaudit.lint

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s is listed %d times, %s; dbaudit counts the deepest level", [
		lines[0].name,
		count(lines),
		_levels(lines),
	]),
	"subject": subject,
	"evidence": {
		"privilege": name,
		"levels": [line.level | some line in lines],
		"lines": [line.line | some line in lines],
		"entry": lines[1].entry,
	},
} if {
	some control in lint.controls["lint/duplicate"]
	some role, privileges in lint.lines
	some name, lines in privileges
	count(lines) > 1
	subject := lint.subjects[role]
}

not_applicable := lint.not_applicable

_levels(lines) := sprintf("each time at %s (lines %s)", [lines[0].level, _numbers(lines)]) if {
	count({lower(line.level) | some line in lines}) == 1
} else := concat(" and ", [sprintf("at %s in line %d", [line.level, line.line]) | some line in lines])

_numbers(lines) := concat(", ", [sprintf("%d", [line.line]) | some line in lines])
