# METADATA
# title: Depth
# description: Access levels, compared and chosen. The portal calls them user, business unit, parent and organization.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.depth

import data.dbaudit.profile

rank := {"none": 0, "basic": 1, "local": 2, "deep": 3, "global": 4}

names := ["none", "basic", "local", "deep", "global"]

# METADATA
# description: The depth that each defined privilege of the minimum must be granted at.
required[name] := fitting(definition.depths, wanted(name)) if {
	some name, _ in profile.minimum
	definition := input.privileges[name]
}

# METADATA
# description: >-
#   What the configuration asks of a privilege, or else the profile. The deepest is the default: an
#   integration that synchronises all records needs it.
wanted(name) := input.requirement.depth[name]

wanted(name) := depth if {
	not input.requirement.depth[name]
	depth := object.get(profile.current, ["depths", name], "global")
}

# METADATA
# description: The shallowest of the depths that reaches the wanted one, or the deepest where none does.
fitting(depths, want) := names[min(enough)] if {
	enough := {rank[depth] | some depth in depths; rank[depth] >= rank[want]}
	count(enough) > 0
} else := names[max({rank[depth] | some depth in depths})] if {
	count(depths) > 0
} else := want
