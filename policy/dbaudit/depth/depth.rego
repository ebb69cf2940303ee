# METADATA
# title: Depth
# description: Which access levels the snapshot is judged by.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.depth

import data.dbaudit.access
import data.dbaudit.profile
import data.dbaudit.words

# METADATA
# description: The depth that is required of each privilege of the minimum.
requested := access.requested(_configured)

_configured := object.get(input.requirement, "depth", {})

# METADATA
# description: The privileges of the minimum that the environment defines.
defined := object.filter(object.get(input, "privileges", {}), profile.minimum)

# METADATA
# description: The depth that each of them must be granted at.
required := object.union(access.required(defined, _configured), presence_only)

# METADATA
# description: Each of them as a fix grants it, as a list for the fix.
fix_privileges := access.fix_privileges(defined, required)

# METADATA
# description: >-
#   The privileges of the minimum for which only the presence in a role's file is judged, because no source says
#   which levels they allow and no level is configured. Their level is the one that the role grants, else that of
#   its other privileges on the table, else the deepest.
presence_only := {name: depth |
	input.source == "solution"
	some name in access.without_levels(defined, _configured)
	depth := object.get(_granted, name, _deepest({number | some level in _table_levels(name); number := access.rank[level]}))
}

default _granted := {}

_granted := grants if {
	count(input.role_privileges) == 1
	some grants in input.role_privileges
}

# METADATA
# description: The levels at which the role grants the rights on a privilege's table.
_table_levels(name) := {level | some [table, level] in _levels_by_table; table == _table(name)}

_levels_by_table := {[_table(name), level] | some name, level in _granted}

_deepest(ranks) := access.names[max(ranks)] if count(ranks) > 0

_deepest(set()) := "global"

_table(name) := lower(words.table(name))
