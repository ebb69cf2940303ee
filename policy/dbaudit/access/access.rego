# METADATA
# title: Access levels
# description: >-
#   Compares and chooses access levels. The portal calls them User, Business Unit, Parent: Child Business Units
#   and Organization. These rules and functions read the profile and their arguments, and nothing of the snapshot:
#   dbaudit keeps their values for all snapshots that a profile judges.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.access

import data.dbaudit.profile
import data.dbaudit.words

rank := {"none": 0, "basic": 1, "local": 2, "deep": 3, "global": 4}

names := ["none", "basic", "local", "deep", "global"]

# METADATA
# description: What can be granted.
levels := {"basic", "local", "deep", "global"}

# METADATA
# description: >-
#   The depth that the configuration, or else the profile, requires of each privilege of the minimum. The default
#   is the deepest, because an integration that synchronizes all records needs it.
requested(configured) := object.union(profile.depths, _by_minimum_name(configured))

# METADATA
# description: The depth that each defined privilege of the minimum must be granted at, by what the privileges allow.
required(privileges, configured) := object.union(
	{name: _allowed_depth(privilege.depths, "global") | some name, privilege in privileges},
	{name: _allowed_depth(privileges[name].depths, depth) | some name, depth in _stated(configured)},
)

# METADATA
# description: The defined privileges of the minimum that allow no known level, and for which no level is stated.
without_levels(privileges, configured) := {name |
	some name, privilege in privileges
	privilege.depths == []
} - object.keys(_stated(configured))

# METADATA
# description: Each required privilege as a fix grants it, as a list for the fix.
fix_privileges(privileges, depths) := {name: [{"name": name, "id": privileges[name].id, "depth": depth}] |
	some name, depth in depths
}

# METADATA
# description: Levels by privilege as pairs.
pairs(depths) := {[name, level] | some name, level in depths}

# METADATA
# description: The privileges with the level of what is not granted.
not_granted(depths) := {name: "none" | some name, _ in depths}

# METADATA
# description: >-
#   What the findings say of each privilege that is required at a depth, if it is not granted: for each control that
#   requires it, its id, the message and the evidence.
missing_findings(depths) := {name: said |
	some name, depth in depths
	message := sprintf("%s is not granted; %s is required (%s)", [profile.rights[name], words.levels[depth], name])
	evidence := {"privilege": name, "required_depth": depth, "actual_depth": "none", "state": "missing"}
	said := [[control.id, message, evidence] | some control in profile.controls_by_privilege[name]]
}

_stated(configured) := object.union(profile.stated_depths, _by_minimum_name(configured))

# METADATA
# description: Depths by the names of the minimum. The configuration may spell them in another case.
_by_minimum_name(configured) := object.union_n([{name: depth} |
	some stated, depth in configured
	some name in profile.spellings[lower(stated)]
])

# METADATA
# description: >-
#   The shallowest of the allowed depths that is at least the wanted one, or the deepest if none is, or the wanted one
#   if none is known.
_allowed_depth(depths, depth) := names[_allowed_rank({number | some level in depths; number := rank[level]}, want)] if {
	want := object.get(rank, depth, rank.global)
}

_allowed_rank(allowed, want) := min({rank | some rank in allowed; rank >= want}) if {
	max(allowed) >= want
} else := max(allowed) if {
	count(allowed) > 0
} else := want
