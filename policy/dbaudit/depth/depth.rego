# METADATA
# title: Depth
# description: >-
#   Compares and chooses access levels. The portal calls them User, Business Unit, Parent: Child Business Units
#   and Organization.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.depth

import data.dbaudit.profile
import data.dbaudit.words

rank := {"none": 0, "basic": 1, "local": 2, "deep": 3, "global": 4}

names := ["none", "basic", "local", "deep", "global"]

# METADATA
# description: >-
#   The depth that the configuration, or else the profile, requires of each privilege of the minimum. The default
#   is the deepest, because an integration that synchronizes all records needs it.
wanted := object.union(profile.depths, _configured)

_configured := object.union_n([{name: depth} |
	some stated, depth in input.requirement.depth
	some name in profile.spelt[lower(stated)]
])

# METADATA
# description: The depth that each defined privilege of the minimum must be granted at.
required := object.union_n([
	{name: _deepest_of[input.privileges[name].depths] | some name in profile.minimum},
	{name: _fitted(input.privileges[name].depths, depth) | some name, depth in _stated},
	present,
])

# METADATA
# description: The deepest of each list of depths that privileges allow. There are few of them.
_deepest_of := {depths: _fitted(depths, "global") | some depths in _allowed}

_allowed := {depths | depths := input.privileges[_].depths}

# METADATA
# description: >-
#   The privileges of the minimum for which only the presence in a role's file is judged, because no source says
#   which levels they allow and no level is configured. Their level is the one that the role grants, else that of
#   its other privileges on the table, else the deepest.
present := {name: depth |
	input.source == "solution"
	[] in _allowed
	some name in profile.minimum
	[] = input.privileges[name].depths
	not _stated[name]
	depth := object.get(_granted, name, _deepest({number | some level in _beside(name); number := rank[level]}))
}

_stated := object.union(profile.stated_depths, _configured)

default _granted := {}

_granted := grants if {
	count(input.role_privileges) == 1
	some grants in input.role_privileges
}

# METADATA
# description: The levels at which the role grants the rights on a privilege's table.
_beside(name) := {level | some [table, level] in _levels; table == _table(name)}

_levels := {[_table(name), level] | some name, level in _granted}

_deepest(ranks) := names[max(ranks)] if count(ranks) > 0

_deepest(set()) := "global"

_table(name) := lower(words.table(name))

# METADATA
# description: >-
#   The shallowest of the allowed depths that is at least the wanted one, or the deepest if none is, or the wanted one
#   if none is known.
_fitted(depths, depth) := names[_fitting({number | some level in depths; number := rank[level]}, want)] if {
	want := object.get(rank, depth, rank.global)
}

_fitting(allowed, want) := min({rank | some rank in allowed; rank >= want}) if {
	max(allowed) >= want
} else := max(allowed) if {
	count(allowed) > 0
} else := want
