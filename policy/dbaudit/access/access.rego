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
# description: >-
#   The required privileges that are not granted at the required depth, with their depths. Only grants that differ from
#   what is required are compared, because most are equal.
insufficient(grants, required_depths) := object.union(
	object.remove(_not_granted(required_depths), object.keys(grants)),
	{name: actual |
		some [name, actual] in ({[name, level] | some name, level in grants} - _pairs(required_depths))
		rank[actual] < rank[required_depths[name]]
	},
)

_not_granted(depths) := {name: "none" | some name, _ in depths}

_pairs(depths) := {[name, level] | some name, level in depths}

# METADATA
# description: The rank of each granted privilege, by the rank of each level; a level without a rank gives nothing.
ranks(grants, rank_by_level) := {name: number | some name, level in grants; number := rank_by_level[level]}

# METADATA
# description: >-
#   The highest rank of each privilege in a set of ranks. The union keeps the last of several, so they are sorted by
#   rank.
highest(given) := only if {
	count(given) == 1
	some only in given
} else := object.union_n([{name: number} | some [number, name] in sort([[number, name] | some granted in given; some name, number in granted])])

# METADATA
# description: The depth of each privilege that has a rank.
depth_names(granted) := {name: names[number] | some name, number in granted}

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
