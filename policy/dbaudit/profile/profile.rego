# METADATA
# title: The profile
# description: >-
#   The profile of the input, which is data under data.profiles, and values that depend only on it. These rules read
#   only the name of the profile from the input, so that dbaudit evaluates them once for all snapshots that a profile
#   judges.
package dbaudit.profile

import data.dbaudit.words

current := data.profiles[input.requirement.profile]

# METADATA
# description: The profile's controls by the rule that judges them.
controls := _controls

_controls[control.rule] contains control if some control in current.controls

# METADATA
# description: >-
#   The controls for a solution's files: those of the profile and those of the lint profile. The profile may contain
#   a control of the lint profile, perhaps with a different severity.
file_controls := _file_controls

_file_controls[control.rule] contains control if some control in current.controls

_file_controls[control.rule] contains control if {
	stated := {control.id | some control in current.controls}
	some control in data.profiles.lint.controls
	not control.id in stated
}

# METADATA
# description: The ids of the controls by the rule that judges them.
control_ids := {rule: {control.id | some control in judged} | some rule, judged in controls}

file_control_ids := {rule: {control.id | some control in judged} | some rule, judged in file_controls}

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
# description: The controls of role/privileges by the privilege that they require.
controls_by_privilege := _controls_by_privilege

_controls_by_privilege[name] contains control if {
	some control in controls["role/privileges"]
	some name in control.privileges
}

# METADATA
# description: The words for people for each privilege of the minimum.
rights := {name: words.right(name) | some name in minimum}

# METADATA
# description: The names of the minimum by name in lower case.
spellings := _spellings

_spellings[lower(name)] contains name if some name in minimum

# METADATA
# description: The privileges that are required or allowed, in lower case, with those that the configuration allows.
accepted(allowed) := union({
	object.keys(spellings),
	{lower(name) | some name in current.allow},
	{lower(name) | some name in allowed},
})

# METADATA
# description: The accepted privileges, and those that Dataverse gives to each new role.
accepted_or_default(allowed) := accepted(allowed) | platform_defaults

# METADATA
# description: >-
#   The privileges that Dataverse gives to each new role, and that AddPrivilegesRole and a solution import restore.
platform_defaults := {name | some name in words.lowered(data.platform.new_role)}

# METADATA
# description: The depths that the profile requests, by name; the default is the deepest.
depths := object.union({name: "global" | some name in minimum}, stated_depths)

# METADATA
# description: The depths that the profile states.
stated_depths := object.union_n([{name: depth} | some stated, depth in current.depths; some name in spellings[lower(stated)]])

# METADATA
# description: Whether a name contains the profile's pattern, in any case. An empty pattern matches nothing.
matches_pattern(name) if {
	current.pattern != ""
	contains(lower(name), lower(current.pattern))
}
