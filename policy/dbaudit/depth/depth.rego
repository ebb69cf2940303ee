# METADATA
# title: Depth
# description: The required access levels.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.depth

import data.dbaudit.access
import data.dbaudit.profile
import data.dbaudit.words

# METADATA
# description: The depth that the configuration or the profile requests for each privilege of the minimum.
requested := access.requested(_configured)

_configured := object.get(input.requirement, "depth", {})

# METADATA
# description: The privileges of the minimum that the environment defines.
defined := object.filter(object.get(input, "privileges", {}), profile.minimum)

# METADATA
# description: The required depth of each defined privilege. It is a depth that the privilege allows.
required := object.union(access.required(defined, _configured), presence_only)

# METADATA
# description: The required privileges as the privileges of a fix.
fix_privileges := access.fix_privileges(defined, required)

# METADATA
# description: >-
#   The privileges of the minimum that a role's file only needs to contain, because no source says which levels they
#   allow and no level is configured. Their depth is the one that the role grants, else that of its other privileges
#   on the table, else the deepest.
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
