package dbaudit.integration

import data.dbaudit.access
import data.dbaudit.depth
import data.dbaudit.profile
import data.dbaudit.units
import data.dbaudit.words

# METADATA
# description: The privileges that the integration role itself grants, with their depths.
# scope: document
default own := {}

own := input.role_privileges[role]

# METADATA
# description: The privileges that a role grants, including those for some records only or at an unknown depth.
_granted_names(root) := union({object.keys(grants) |
	some section in ["role_privileges", "filtered_privileges", "unreadable_privileges"]
	grants := input[section][root]
})

# METADATA
# description: The privileges that the integration role itself grants in any of these ways.
own_names := _granted_names(role)

# METADATA
# description: The privileges that the integration role itself grants only for the records of a filter.
own_filtered contains name if some name, _ in input.filtered_privileges[role]

# METADATA
# description: Why it is unknown at which depth the integration role itself grants a privilege.
own_unreadable[name] := _unreadable_words(role, name, word) if some name, word in input.unreadable_privileges[role]

# METADATA
# description: The privileges that the integration role itself does not grant at the required depth, with their depths.
insufficient_in_role := access.insufficient(_own_minimum, depth.required)

_own_minimum := object.filter(own, profile.minimum)

# METADATA
# description: The privileges that the integration does not have at the required depth, with their depths.
insufficient := access.insufficient(granted, depth.required)

# METADATA
# description: The privileges of the minimum that each assigned copy grants, with their depths.
_minimum_by_copy := {id: object.filter(grants, profile.minimum) |
	some id in assigned_copies
	grants := object.get(input.role_privileges, input.roles[id].root_id, {})
}

# METADATA
# description: >-
#   The rank of each level of a copy for the user. A depth applies from the business unit of the role's copy: local
#   and deep cover the user's unit only if it is that unit or below it; otherwise they cover only the user's own
#   records. A team's role gives its members Basic rights only if they are inherited.
_ranks_by_level := {id: object.union(own_records, covered) |
	some id in assigned_copies
	own_records := {level: access.rank.basic | _gives_own_records[id]; some level in ["basic", "local", "deep"]}
	covered := {level: access.rank[level] | some level in ["local", "deep", "global"]; _covers(level, input.roles[id].business_unit_id)}
}

_gives_own_records contains id if some id in direct_roles

_gives_own_records contains id if {
	some id in team_roles
	input.roles[id].inherited
}

# METADATA
# description: The ranks by privilege that each copy gives the user.
_ranks_by_copy := {id: access.ranks(grants, _ranks_by_level[id]) | some id, grants in _minimum_by_copy}

# METADATA
# description: The ranks by privilege that all roles of the user give it.
_granted_ranks := access.highest({ranks | some ranks in _ranks_by_copy})

# METADATA
# description: The ranks by privilege that the user certainly has.
_certain_ranks := access.highest({ranks |
	some id in _certain_copies
	from := input.roles[id].business_unit_id
	uncertain := {name | _is_coverage_unknown("deep", from); some name, "deep" in _minimum_by_copy[id]}
	ranks := object.remove(_ranks_by_copy[id], uncertain)
})

# METADATA
# description: Business units that a privilege is granted for and that do not include the user's, by privilege.
other_units[name] contains place if {
	some id, grants in _minimum_by_copy
	from := input.roles[id].business_unit_id
	from != unit
	some level in ["local", "deep"]
	not _covers(level, from)
	place := sprintf("at %s level for the business unit %q", [words.levels[level], object.get(input.business_units, [from, "name"], from)])
	some name, granting in grants
	granting == level
}

_covers("global", _)

_covers("local", from) if from == unit

_covers("deep", from) if from == unit

_covers("deep", from) if from in units.above(unit)

_covers("deep", from) if _is_coverage_unknown("deep", from)

# METADATA
# description: Whether it is unknown if a business unit is above the user's.
_is_coverage_unknown("deep", from) if {
	from != unit
	not units.known(unit)
}

# METADATA
# description: >-
#   The depth at which the integration has each privilege of the minimum: through all roles of the user, or
#   through the integration role alone if the user has none.
granted := _own_minimum if {
	count(assigned_copies) == 0
} else := access.depth_names(_granted_ranks)

# METADATA
# description: >-
#   Of each privilege that is granted at an insufficient depth, the names of the roles that grant it at that depth; if
#   none does, the roles that grant it for some records only.
# scope: document
granted_by[name] contains by if {
	some name, _ in insufficient
	rank := _granted_ranks[name]
	some id, ranks in _ranks_by_copy
	ranks[name] == rank
	by := min(names[input.roles[id].root_id])
}

granted_by[name] contains role_name if {
	count(assigned_copies) == 0
	some name, _ in insufficient
	granted[name]
}

granted_by[name] contains min(names[root]) if {
	some root in _counted_roles
	some name, _ in input.filtered_privileges[root]
	not granted[name]
}

# METADATA
# description: >-
#   The roles that count, by root: those of the user, or the integration role alone if the user has none.
_counted_roles := {input.roles[id].root_id | some id in assigned_copies} if {
	count(assigned_copies) > 0
} else := {role}

# METADATA
# description: The privileges that the integration has only for the records of a filter. They do not count.
filtered contains name if {
	some root in _counted_roles
	some name, _ in input.filtered_privileges[root]
}

# METADATA
# description: Why it is unknown at which depth the integration has a privilege, by privilege.
unreadable[name] contains words if {
	some root in _counted_roles
	some name, word in input.unreadable_privileges[root]
	words := _unreadable_words(root, name, word)
}

_unreadable_words(root, name, word) := sprintf(
	"the role %q grants %s at the depth %q, which dbaudit does not know",
	[min(names[root]), name, word],
)

# METADATA
# description: Why it is unknown whether a privilege is granted at a sufficient depth; no entry if it is known.
# scope: document
uncertain_grants[name] contains reason if {
	some name in _uncertain_names
	some id, grants in _minimum_by_copy
	grants[name]
	some reason in uncertain_roles[input.roles[id].root_id]
}

uncertain_grants[name] contains sprintf("it is unknown which business units are above the user's%s", [units.detail]) if {
	some name in _uncertain_names
	some id, grants in _minimum_by_copy
	_is_coverage_unknown(grants[name], input.roles[id].business_unit_id)
}

_uncertain_names := {name |
	_certain_ranks != _granted_ranks
	some name, required in depth.required
	_granted_ranks[name] >= access.rank[required]
	object.get(_certain_ranks, name, 0) < access.rank[required]
}

# METADATA
# description: >-
#   Whether the role gives the user Basic rights. A role that only a team has and that is not inherited gives them
#   only to the team.
# scope: document
gives_basic if role in assigned

gives_basic if {
	some id in team_roles
	copy := input.roles[id]
	copy.root_id == role
	copy.inherited
}

# METADATA
# description: >-
#   The fix for each privilege that the integration role does not grant at the required depth. A built-in or locked
#   role must be replaced, and a missing one must be created.
grant_fixes := {name: {"kind": kinds[actual], "role": target, "privileges": granting[name]} |
	kinds := _fix_kinds
	target := _fix_role
	granting := depth.fix_privileges
	some name, actual in insufficient_in_role
}

# METADATA
# description: The kind of fix by the depth that the role grants; undefined if the vendor's solution contains the role.
_fix_kinds := object.union(_for_each_level("raise-depth"), {"none": "add-privilege"}) if {
	role_editable
} else := _for_each_level("replace-role") if {
	role
	not profile.current.supplements
} else := _for_each_level("create-role") if {
	not profile.current.supplements
}

_for_each_level(kind) := {level: kind | some level in access.names}

_fix_role := role_reference if {
	role
} else := {"name": required_role_name}
