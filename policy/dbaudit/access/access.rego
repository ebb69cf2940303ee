# METADATA
# title: Access levels
# description: >-
#   Compares and chooses access levels. The portal calls them User, Business Unit, Parent: Child Business Units
#   and Organization. These rules and functions read only the profile and their arguments, so that dbaudit evaluates
#   them once for all snapshots that a profile judges.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.access

import data.dbaudit.profile
import data.dbaudit.words

rank := {"none": 0, "basic": 1, "local": 2, "deep": 3, "global": 4}

names := ["none", "basic", "local", "deep", "global"]

# METADATA
# description: The levels that can be granted.
levels := {"basic", "local", "deep", "global"}

# METADATA
# description: >-
#   The depth that the configuration, else the profile, requests for each privilege of the minimum. The default is the
#   deepest, because an integration that synchronizes all records needs it.
requested(configured) := object.union(profile.depths, _by_minimum_name(configured))

# METADATA
# description: The required depth of each defined privilege of the minimum. It is a depth that the privilege allows.
required(privileges, configured) := object.union(
	{name: _allowed_depth(privilege.depths, "global") | some name, privilege in privileges},
	{name: _allowed_depth(privileges[name].depths, depth) | some name, depth in _stated(configured)},
)

# METADATA
# description: The defined privileges of the minimum without known levels and without a stated depth.
without_levels(privileges, configured) := {name |
	some name, privilege in privileges
	privilege.depths == []
} - object.keys(_stated(configured))

# METADATA
# description: Each required privilege as the privileges of a fix.
fix_privileges(privileges, depths) := {name: [{"name": name, "id": privileges[name].id, "depth": depth}] |
	some name, depth in depths
}

# METADATA
# description: The pairs of a privilege and its depth.
pairs(depths) := {[name, level] | some name, level in depths}

# METADATA
# description: The privileges with the depth of a privilege that is not granted.
not_granted(depths) := {name: "none" | some name, _ in depths}

# METADATA
# description: >-
#   The findings for each required privilege if it is not granted: the id of each control that requires it, with the
#   message and the evidence.
missing_findings(depths) := {name: controls |
	some name, depth in depths
	message := sprintf("%s is not granted; %s is required (%s)", [profile.rights[name], words.levels[depth], name])
	evidence := {"privilege": name, "required_depth": depth, "actual_depth": "none", "state": "missing"}
	controls := [[control.id, message, evidence] | some control in profile.controls_by_privilege[name]]
}

_stated(configured) := object.union(profile.stated_depths, _by_minimum_name(configured))

# METADATA
# description: The configured depths by the names of the minimum, which may differ in case.
_by_minimum_name(configured) := object.union_n([{name: depth} |
	some stated, depth in configured
	some name in profile.spellings[lower(stated)]
])

# METADATA
# description: >-
#   The shallowest allowed depth that is at least the requested one; else the deepest allowed one; else the requested
#   one, if no allowed depth is known.
_allowed_depth(depths, depth) := names[_allowed_rank({number | some level in depths; number := rank[level]}, requested_rank)] if {
	requested_rank := object.get(rank, depth, rank.global)
}

_allowed_rank(allowed, requested_rank) := min({rank | some rank in allowed; rank >= requested_rank}) if {
	max(allowed) >= requested_rank
} else := max(allowed) if {
	count(allowed) > 0
} else := requested_rank
