# METADATA
# title: Lint
# description: >-
#   What the rules on files have in common: their controls, and the lines of a role's file. The controls are in a
#   separate profile, which is judged in addition to the one that the input names, and only if the input was made
#   from a solution's files.
package dbaudit.lint

import data.dbaudit.profile

# METADATA
# description: The controls of the lint profile, and those of the profile itself that use the same rules.
# scope: document
controls[rule] contains control if {
	input.source == "solution"
	some control in data.profiles.lint.controls
	not control.id in _stated
	rule := control.rule
}

controls[rule] contains control if {
	input.source == "solution"
	some rule, stated in profile.controls
	some control in stated
}

# METADATA
# description: Controls that the profile states itself, perhaps with a different severity.
_stated contains control.id if some control in profile.current.controls

# METADATA
# description: Why no rule on files can judge. If no such rule is used, there is no reason either.
# scope: document
not_applicable contains "only a solution's files have lines to judge" if {
	input.source != "solution"
	some control in profile.current.controls
	startswith(control.rule, "lint/")
}

not_applicable contains "there is no role to judge" if {
	input.source == "solution"
	count(input.roles) == 0
}

# METADATA
# description: The roles as findings name them, by id.
subjects[id] := {"kind": "role", "id": id, "name": role.name} if some id, role in input.roles

# METADATA
# description: The privileges of each role as a fix removes them.
grants[id] := {name: {"name": name, "depth": depth} | some name, depth in names} if {
	some id, names in input.role_privileges
}

# METADATA
# description: The roles as fixes refer to them, by id.
references[id] := {"id": id, "name": role.name} if some id, role in input.roles

# METADATA
# description: >-
#   The lines of each role by the privilege that they name, in the file's order, each with its place among all
#   lines of the role. A file may have thousands: sorting groups them, because a set that grows element by element
#   is copied each time.
lines[id] := {name: of |
	some nth, start in starts
	name := sorted[start][0]
	of := [line |
		some pair in array.slice(sorted, start, ends[nth])
		line := object.union(entries[pair[1]], {"entry": pair[1]})
	]
} if {
	some id, entries in input.role_entries
	sorted := sort([[_key(entry), place] | some place, entry in entries])
	starts := [nth | some nth, pair in sorted; not sorted[nth - 1][0] == pair[0]]
	ends := array.concat(array.slice(starts, 1, count(starts)), [count(sorted)])
}

# METADATA
# description: Lines by their numbers in the file, the first of many.
positions(of) := sprintf("line %d", [of[0].line]) if {
	count(of) == 1
} else := sprintf("lines %s and %d more", [_list(array.slice(of, 0, 5)), count(of) - 5]) if {
	count(of) > 6
} else := sprintf("lines %s", [_list(of)])

_list(of) := concat(", ", [sprintf("%d", [line.line]) | some line in of])

# METADATA
# description: >-
#   A line's privilege in its standard spelling or, if it is not a standard one, in lower case; empty if the line
#   names none.
_key(entry) := "" if {
	trim_space(entry.name) == ""
} else := entry.standard if {
	entry.standard != ""
} else := lower(entry.name)
