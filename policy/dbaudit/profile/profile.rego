# METADATA
# title: The profile
# description: >-
#   The requirements that the snapshot is judged by, as data under data.profiles, and what follows from them alone.
#   Of the input these rules read the profile's name only: dbaudit evaluates them once for all snapshots that a
#   profile judges.
package dbaudit.profile

import data.dbaudit.words

current := data.profiles[input.requirement.profile]

# METADATA
# description: The profile's controls by the rule that judges them.
controls := _controls

_controls[control.rule] contains control if some control in current.controls

# METADATA
# description: >-
#   Those of the profile and of the lint profile, which a solution's files are judged by too. The profile may state a
#   control of the lint profile itself, perhaps with a different severity.
file_controls := _file_controls

_file_controls[control.rule] contains control if some control in current.controls

_file_controls[control.rule] contains control if {
	stated := {control.id | some control in current.controls}
	some control in data.profiles.lint.controls
	not control.id in stated
}

# METADATA
# description: The ids of the controls by the rule that judges them, and those of files.
control_ids := {rule: {control.id | some control in of} | some rule, of in controls}

file_control_ids := {rule: {control.id | some control in of} | some rule, of in file_controls}

# METADATA
# description: >-
#   Points to the controls of another rule, as the end of a sentence; empty if no control of the profile uses that
#   rule.
see(rule) := sprintf(", see %s", [concat(", ", sort({control.id | some control in controls[rule]}))]) if {
	controls[rule]
} else := ""

# METADATA
# description: The names of the privileges that the integration must have.
minimum := {name | some control in current.controls; some name in control.privileges}

# METADATA
# description: The controls of role/privileges that require each of them.
controls_by_privilege := _controls_by_privilege

_controls_by_privilege[name] contains control if {
	some control in controls["role/privileges"]
	some name in control.privileges
}

# METADATA
# description: Each of them as people read it, with the names that differ from it in case only, by name in lower case.
rights := {name: words.right(name) | some name in minimum}

spellings := _spellings

_spellings[lower(name)] contains name if some name in minimum

# METADATA
# description: The privileges that are not surplus, in lower case, with those that the configuration allows.
accepted(allowed) := union({
	object.keys(spellings),
	{lower(name) | some name in current.allow},
	{lower(name) | some name in allowed},
})

# METADATA
# description: Those, and what Dataverse gives to each new role.
accepted_or_default(allowed) := accepted(allowed) | platform_defaults

# METADATA
# description: >-
#   What Dataverse gives to each new role, and what AddPrivilegesRole and a solution import restore each time.
platform_defaults := {name | some name in words.lowered(data.platform.new_role)}

# METADATA
# description: The depths that the profile requires, by name; the deepest is the default.
depths := object.union({name: "global" | some name in minimum}, stated_depths)

# METADATA
# description: Those that it states.
stated_depths := object.union_n([{name: depth} | some stated, depth in current.depths; some name in spellings[lower(stated)]])

# METADATA
# description: Whether a name contains the profile's pattern, in any case. An empty pattern matches nothing.
matches_pattern(name) if {
	current.pattern != ""
	contains(lower(name), lower(current.pattern))
}
