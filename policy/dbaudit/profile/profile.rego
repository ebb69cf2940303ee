# METADATA
# title: The profile
# description: The requirements that the snapshot is judged by, as data under data.profiles.
package dbaudit.profile

current := data.profiles[input.requirement.profile]

# METADATA
# description: The profile's controls by the rule that judges them.
controls[control.rule] contains control if some control in current.controls

# METADATA
# description: >-
#   Points to the controls of another rule, as the end of a sentence; empty if no control of the profile uses that
#   rule.
see(rule) := sprintf(", see %s", [concat(", ", sort({control.id | some control in controls[rule]}))]) if {
	controls[rule]
} else := ""

# METADATA
# description: The names of the privileges that the integration must have.
minimum contains name if {
	some control in current.controls
	some name in control.privileges
}

# METADATA
# description: >-
#   The privileges that are not surplus, in lower case: those that the integration must have, and those that the
#   profile or the configuration allows.
# scope: document
accepted contains lower(name) if some name in minimum

accepted contains lower(name) if some name in current.allow

accepted contains lower(name) if some name in input.requirement.allow

# METADATA
# description: Whether a name contains the profile's pattern, in any case. An empty pattern matches nothing.
fits(name) if {
	current.pattern != ""
	contains(lower(name), lower(current.pattern))
}
