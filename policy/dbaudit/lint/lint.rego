# METADATA
# title: Lint
# description: >-
#   Helpers of the rules on solution files: their controls, and the lines of a role's file. The controls are those of
#   the lint profile, which judges in addition to the profile of the input, and only files.
package dbaudit.lint

import data.dbaudit.profile
import data.dbaudit.words

# METADATA
# description: The controls of the lint profile, and those of the profile itself that use the same rules.
# scope: document
default controls := {}

controls := profile.file_controls if input.source == "solution"

# METADATA
# description: Why the rules on files do not apply; empty if the profile uses no such rule.
# scope: document
not_applicable contains "only a solution's files have lines to judge" if {
	input.source != "solution"
	some rule, _ in profile.controls
	startswith(rule, "lint/")
}

not_applicable contains "there is no role to judge" if {
	input.source == "solution"
	count(input.roles) == 0
}

# METADATA
# description: The subject of a finding, by the id of its role.
subjects := {id: {"kind": "role", "id": id, "name": role.name} | some id, role in input.roles}

# METADATA
# description: A privilege of a role as the privilege of a fix.
fix_privilege(id, name) := {"name": name, "depth": depth} if {
	depth := input.role_privileges[id][name]
} else := {"name": name}

# METADATA
# description: The roles as fixes refer to them, by id.
references := {id: {"id": id, "name": role.name} | some id, role in input.roles}

# METADATA
# description: >-
#   The names in the lines of each role in lower case, in the order of the file.
names := {id: words.lowered([name | name := entries[_].name]) | some id, entries in input.role_entries}

# METADATA
# description: The set of these names.
distinct_names := {id: {name | some name in all} | some id, all in names}

# METADATA
# description: The standard privileges that the lines of each role name; "" for other privileges.
standard_names := {id: {name | name := entries[_].standard} | some id, entries in input.role_entries}

# METADATA
# description: >-
#   The lines of each role by privilege: the standard name, the name in lower case if it is not a standard one, or ""
#   for lines without a name. The lines are in the order of the file, and entry is their index in it. A file may have
#   thousands of lines, so they are grouped by sorting: a set that grows element by element is copied each time. Most
#   roles need no groups, so rules first check whether there is something to find.
lines := {id: {name: named_lines |
	some nth, start in starts
	name := sorted[start][0]
	named_lines := [line |
		some pair in array.slice(sorted, start, ends[nth])
		line := object.union(entries[pair[1]], {"entry": pair[1]})
	]
} |
	some id, entries in input.role_entries
	sorted := sort([[_key(entry), place] | some place, entry in entries])
	starts := [nth | some nth, pair in sorted; not sorted[nth - 1][0] == pair[0]]
	ends := array.concat(array.slice(starts, 1, count(starts)), [count(sorted)])
}

_key(entry) := "" if {
	trim_space(entry.name) == ""
} else := entry.standard if {
	entry.standard != ""
} else := lower(entry.name)

# METADATA
# description: The numbers of lines in the file. It names only the first of many.
positions(list) := sprintf("line %d", [list[0].line]) if {
	count(list) == 1
} else := sprintf("lines %s and %d more", [_numbers(array.slice(list, 0, 5)), count(list) - 5]) if {
	count(list) > 6
} else := sprintf("lines %s", [_numbers(list)])

_numbers(list) := concat(", ", [sprintf("%d", [line.line]) | some line in list])

# METADATA
# description: Whether a text is empty or white space. The test of prefixes is fast, and few texts need the second.
# scope: document
has_blank(texts) if "" in texts

has_blank(texts) if {
	strings.any_prefix_match(texts, words.spaces)
	"" in {trim_space(text) | some text in texts}
}
