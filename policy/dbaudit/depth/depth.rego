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
# description: >-
#   What the configuration asks of each privilege of the minimum, or else the profile. The deepest is the
#   default: an integration that synchronises all records needs it.
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
#   The privileges of the minimum that a role in a file is judged by the presence of, because no source says which
#   levels they allow and nobody asks for one: at the level that the role grants them at, else that of its other
#   privileges on the table, else the deepest.
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

_table(name) := regex.replace(lower(name), `^prv(create|read|write|delete|appendto|append|assign|share)`, "")

# METADATA
# description: The depths that are asked for, by the privileges' names in lower case; the configuration's go first.
_asked := object.union(_by_name(object.get(profile.current, "depths", {})), _by_name(input.requirement.depth))

_by_name(depths) := object.union_n([{lower(name): depth} | some name, depth in depths])

# METADATA
# description: The shallowest of the ranks that reaches the wanted one, or the deepest where none does.
_fitting(allowed, want) := min({rank | some rank in allowed; rank >= want}) if {
	max(allowed) >= want
} else := max(allowed) if {
	count(allowed) > 0
} else := want
