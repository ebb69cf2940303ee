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
wanted[name] := object.get(_asked, lower(name), "global") if some name in profile.minimum

# METADATA
# description: The depth that each defined privilege of the minimum must be granted at.
# scope: document
required[name] := depth if some name, depth in present

required[name] := names[_fitting(allowed, want)] if {
	some name, depth in wanted
	not present[name]
	definition := input.privileges[name]
	allowed := {number | some level in definition.depths; number := rank[level]}
	want := object.get(rank, depth, rank.global)
}

# METADATA
# description: >-
#   The privileges of the minimum for which only the presence in a role's file is judged, because no source says
#   which levels they allow and no level is configured. Their level is the one that the role grants, else that of
#   its other privileges on the table, else the deepest.
present[name] := depth if {
	input.source == "solution"
	some name in profile.minimum
	input.privileges[name].depths == []
	not _asked[lower(name)]
	others := {number | some other, level in _granted; _table(other) == _table(name); number := rank[level]}
	depth := object.get(_granted, name, _deepest(others))
}

default _granted := {}

_granted := grants if {
	count(input.role_privileges) == 1
	some grants in input.role_privileges
}

_deepest(ranks) := names[max(ranks)] if count(ranks) > 0

_deepest(set()) := "global"

_table(name) := lower(words.table(name))

# METADATA
# description: The required depths, by the privileges' names in lower case; the configuration's take precedence.
_asked := object.union(_by_name(object.get(profile.current, "depths", {})), _by_name(input.requirement.depth))

_by_name(depths) := object.union_n([{lower(name): depth} | some name, depth in depths])

# METADATA
# description: The shallowest of the ranks that is at least the wanted one, or the deepest if none is.
_fitting(allowed, want) := min({rank | some rank in allowed; rank >= want}) if {
	max(allowed) >= want
} else := max(allowed) if {
	count(allowed) > 0
} else := want
