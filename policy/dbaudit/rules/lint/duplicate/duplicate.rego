# METADATA
# title: No privilege is listed twice
# description: Each privilege has one line in the role's file, whatever the case of its name.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/alm/solution-packager-tool
#     description: SolutionPackager tool
# custom:
#   severity: medium
#   requires: [roles, role_privileges]
#   fixes: []
#   offline: true
#   consequence: >-
#     It is not documented which of the lines an import uses, so the role may grant a different level from the
#     reviewed one.
#   remediation: Keep the line with the intended level, and delete the others.
package dbaudit.rules.lint.duplicate

import data.dbaudit.lint

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s is listed %d times, %s; dbaudit counts the deepest level", [
		lines[0].name,
		count(lines),
		_levels_with_lines(lines),
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
	some role, names in lint.names
	count(lint.distinct_names[role]) < count(names)
	some name, lines in lint.lines[role]
	name != "" # lint/name reports lines without a name
	count(lines) > 1
	subject := lint.subjects[role]
}

not_applicable := lint.not_applicable

# METADATA
# description: >-
#   Each level with its lines, ordered by the first line. It gives only the number of more than five levels.
_levels_with_lines(lines) := sprintf("each time %s (%s)", [_level_words(lines[0].level), lint.positions(lines)]) if {
	count(_distinct_levels(lines)) == 1
} else := sprintf("at %d different levels (%s)", [count(_distinct_levels(lines)), lint.positions(lines)]) if {
	count(_distinct_levels(lines)) > 5
} else := concat(" and ", [sprintf("%s in %s", [_level_words(group[0].level), lint.positions(group)]) |
	groups := {level: group |
		some level in _distinct_levels(lines)
		group := [line | some line in lines; lower(line.level) == level]
	}
	order := sort([[group[0].entry, level] | some level, group in groups])
	some pair in order
	group := groups[pair[1]]
])

_distinct_levels(lines) := {lower(line.level) | some line in lines}

_level_words("") := "without a level"

_level_words(level) := sprintf("at %s", [level]) if level != ""
