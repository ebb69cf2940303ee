# METADATA
# title: The profile
# description: The requirements that the snapshot is judged by, as data under data.profiles.
package dbaudit.profile

current := data.profiles[input.requirement.profile]

# METADATA
# description: The profile's controls by the rule that judges them.
controls[control.rule] contains control if some control in current.controls

# METADATA
# description: The ids of the controls that a rule judges, for reasons that name them.
ids[rule] := concat(", ", sort([control.id | some control in list])) if some rule, list in controls

# METADATA
# description: The privileges that the integration must hold, by name, with the table that each belongs to.
minimum[name] := control.table if {
	some control in current.controls
	some name in control.privileges
}
