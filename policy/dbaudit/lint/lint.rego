# METADATA
# title: Lint
# description: >-
#   What the rules on files have in common: their controls, and the lines of a role's file. The controls are in a
#   separate profile, which is judged in addition to the one that the input names, and only if the input was made
#   from a solution's files.
package dbaudit.lint

import data.dbaudit.profile
import data.dbaudit.words

# METADATA
# description: The controls of the lint profile, and those of the profile itself that use the same rules.
# scope: document
default controls := {}

controls := profile.file_controls if input.source == "solution"

# METADATA
# description: Why no rule on files can judge. If no such rule is used, there is no reason either.
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
# description: The roles as findings name them, by id.
subjects := {id: {"kind": "role", "id": id, "name": role.name} | some id, role in input.roles}

# METADATA
# description: A privilege of a role as a fix removes it.
fix_privilege(id, name) := {"name": name, "depth": depth} if {
	depth := input.role_privileges[id][name]
} else := {"name": name}

# METADATA
# description: The roles as fixes refer to them, by id.
references := {id: {"id": id, "name": role.name} | some id, role in input.roles}

# METADATA
# description: >-
#   The names in the lines of each role in lower case, in the file's order.
names := {id: words.lowered([name | name := entries[_].name]) | some id, entries in input.role_entries}

# METADATA
# description: Each of them once.
distinct_names := {id: {name | some name in all} | some id, all in names}

# METADATA
# description: The standard privileges that the lines of each role mean, and "" for others.
standard_names := {id: {name | name := entries[_].standard} | some id, entries in input.role_entries}

# METADATA
# description: >-
#   The lines of each role by the privilege that they name, in its standard spelling or, if it is not a standard one,
#   in lower case, in the file's order, each with its place among all lines of the role; those without a privilege
#   are under the empty name. A file may have thousands: sorting groups them, because a set that grows element by element
#   is copied each time. Rules look first whether there is something to find, because most roles need no groups.
lines := {id: {name: of |
	some nth, start in starts
	name := sorted[start][0]
	of := [line |
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
# description: Lines by their numbers in the file, the first of many.
positions(of) := sprintf("line %d", [of[0].line]) if {
	count(of) == 1
} else := sprintf("lines %s and %d more", [_list(array.slice(of, 0, 5)), count(of) - 5]) if {
	count(of) > 6
} else := sprintf("lines %s", [_list(of)])

_list(of) := concat(", ", [sprintf("%d", [line.line]) | some line in of])

# METADATA
# description: Whether one of some texts is empty or white space. Few begin with it.
# scope: document
has_blank(texts) if "" in texts

has_blank(texts) if {
	strings.any_prefix_match(texts, words.spaces)
	"" in {trim_space(text) | some text in texts}
}
