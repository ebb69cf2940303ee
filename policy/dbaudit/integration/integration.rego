# METADATA
# title: The integration
# description: Which user and which role are the integration's, and which roles are assigned to the user.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.integration

import data.dbaudit.access
import data.dbaudit.depth
import data.dbaudit.profile
import data.dbaudit.units
import data.dbaudit.words

is_configured if input.requirement.application_id != ""

is_configured if input.requirement.user != ""

# METADATA
# description: >-
#   The live users that the configuration names or, if it names none, those with a name that matches the pattern.
# scope: document
users contains id if {
	input.requirement.application_id != ""
	some id, candidate in input.users
	lower(candidate.application_id) == lower(input.requirement.application_id)
	not candidate.deleted
}

users contains id if {
	input.requirement.application_id == ""
	input.requirement.user != ""
	some id, candidate in input.users
	lower(candidate.domain_name) == lower(input.requirement.user)
	not candidate.deleted
}

users contains id if {
	not is_configured
	some id, candidate in input.users
	candidate.application_id != ""
	profile.matches_pattern(candidate.name)
	not candidate.deleted
}

# METADATA
# description: The users among which the configuration must choose before anything can be judged.
ambiguous contains id if {
	not is_configured
	count(users) > 1
	some id in users
}

# METADATA
# description: The integration user's id, if there is exactly one.
user := id if {
	count(users) == 1
	some id in users
}

# METADATA
# description: The user as fixes refer to it.
user_reference := {"kind": "systemuser", "id": user, "name": input.users[user].name}

# METADATA
# description: The user's business unit.
# scope: document
default unit := ""

unit := input.users[user].business_unit_id

# METADATA
# description: Teams of the user without effect, because their business unit, or one above it, is disabled.
ineffective_teams contains team if {
	some team in input.users[user].teams
	count(units.disabled(input.teams[team].business_unit_id)) > 0
}

# METADATA
# description: The other teams of the user.
effective_teams contains team if {
	some team in input.users[user].teams
	not team in ineffective_teams
}

# METADATA
# description: Effective teams for which it is unknown whether their business unit, or one above it, is disabled.
uncertain_teams contains team if {
	some team in effective_teams
	not _is_unit_known(team)
}

_is_unit_known(team) if units.known(input.teams[team].business_unit_id)

# METADATA
# description: >-
#   The principals with shares that count for the user: the user and its teams.
# scope: document
principals contains user

principals contains team if some team in effective_teams

# METADATA
# description: Copies of roles that are assigned to the user directly.
direct_roles contains id if {
	some id in input.users[user].roles
	not _is_leftover(id, unit)
}

# METADATA
# description: Copies of roles that are assigned to each team of the user.
_roles_by_team[team] contains id if {
	some team in effective_teams
	some id in input.teams[team].roles
	home := input.teams[team].business_unit_id
	not _is_leftover(id, home)
}

# METADATA
# description: Copies of roles that are assigned to a team of the user.
team_roles contains id if some id in _roles_by_team[_]

assigned_copies := direct_roles | team_roles

# METADATA
# description: >-
#   Whether a copy has no effect because it belongs to a different business unit than its holder. It is left over
#   from the time when record ownership across business units was on.
_is_leftover(id, home) if {
	input.organization.ownership_across_business_units == "off"
	input.roles[id].business_unit_id != home
}

# METADATA
# description: Copies for which it is unknown whether they are left over.
# scope: document
_uncertain_copies contains id if {
	input.organization.ownership_across_business_units == "unknown"
	some id in direct_roles
	input.roles[id].business_unit_id != unit
}

_uncertain_copies contains id if {
	input.organization.ownership_across_business_units == "unknown"
	some team, ids in _roles_by_team
	some id in ids
	input.roles[id].business_unit_id != input.teams[team].business_unit_id
}

# METADATA
# description: Copies of roles that are certainly in effect for the user.
# scope: document
_certain_copies contains id if {
	some id in direct_roles
	not id in _uncertain_copies
}

_certain_copies contains id if {
	some team, ids in _roles_by_team
	not team in uncertain_teams
	some id in ids
	not id in _uncertain_copies
}

# METADATA
# description: >-
#   Why it is unknown whether a role is in effect for the user, by the role's root; no entry if it is known.
# scope: document
uncertain_roles[root] contains reason if {
	some team in uncertain_teams
	some id in _roles_by_team[team]
	root := input.roles[id].root_id
	not root in _certain_roots
	reason := sprintf("it is unknown whether the business unit of the team %q, or one above it, is disabled%s", [
		input.teams[team].name,
		units.detail,
	])
}

uncertain_roles[root] contains reason if {
	some id in _uncertain_copies
	root := input.roles[id].root_id
	not root in _certain_roots
	reason := sprintf("the role %q is assigned as another business unit's copy, and the record-ownership setting was not read", [
		input.roles[id].name,
	])
}

_certain_roots contains input.roles[id].root_id if some id in _certain_copies

# METADATA
# description: The roles that are assigned to the user itself, by root.
assigned contains root if {
	some id in direct_roles
	root := input.roles[id].root_id
}

# METADATA
# description: The teams through which the user has a role, by the role's root.
teams[root] contains team if {
	some team, ids in _roles_by_team
	some id in ids
	root := input.roles[id].root_id
}

# METADATA
# description: The roles in effect for the user, by root, each with how it is assigned, in words.
# scope: document
ways[root] contains "assigned to the user" if some root in assigned

ways[root] contains way if {
	some root, through in teams
	some team in through
	way := sprintf("through the team %q", [input.teams[team].name])
}

# METADATA
# description: Roles that are assigned but have no effect for the user, by root, in words.
# scope: document
ineffective_roles[root] contains text if {
	some team in ineffective_teams
	some id in input.teams[team].roles
	root := input.roles[id].root_id
	some above in units.disabled(input.teams[team].business_unit_id)
	text := sprintf("the team %q has it, but the business unit %q is disabled", [
		input.teams[team].name,
		input.business_units[above].name,
	])
}

ineffective_roles[root] contains text if {
	some id in input.users[user].roles
	_is_leftover(id, unit)
	root := input.roles[id].root_id
	text := "the user has another business unit's copy of it, but record ownership across business units is off"
}

ineffective_roles[root] contains text if {
	some team in effective_teams
	some id in input.teams[team].roles
	_is_leftover(id, input.teams[team].business_unit_id)
	root := input.roles[id].root_id
	text := sprintf("the team %q has another business unit's copy of it, but record ownership across business units is off", [
		input.teams[team].name,
	])
}

# METADATA
# description: Custom roles that are in effect for the user.
_assigned_custom_roles contains role.root_id if {
	some id in assigned_copies
	role := input.roles[id]
	role.template_id == ""
}

# METADATA
# description: The assigned custom roles that grant some of the minimum, or with grants that were not read.
# scope: document
_useful_roles contains root if {
	some root in _assigned_custom_roles
	input.role_privileges[root]
	count(_granted_minimum(root)) > 0
}

_useful_roles contains root if {
	some root in _assigned_custom_roles
	not input.role_privileges[root]
}

# METADATA
# description: The role of the vendor's own solution that the profile adds to.
_vendor_roles contains role.root_id if {
	some role in input.roles
	lower(role.name) == lower(profile.current.supplements)
}

# METADATA
# description: Custom roles with a name that matches the profile's pattern.
_matching_roles contains role.root_id if {
	some role in input.roles
	role.template_id == ""
	profile.matches_pattern(role.name)
}

# METADATA
# description: >-
#   How much of the minimum a role grants: first the number of privileges granted at a sufficient depth; if that
#   is equal, the number granted at any depth.
_score[root] := (1000 * count(enough)) + count(any_depth) if {
	required := object.keys(depth.required)
	some root, grants in input.role_privileges
	any_depth := _granted_minimum(root)
	enough := required - object.keys(access.insufficient(object.filter(grants, required), depth.required))
}

# METADATA
# description: The privileges of the minimum that a role grants, at any depth.
_granted_minimum(root) := profile.minimum & _granted_names(root)

# METADATA
# description: >-
#   The roles that may be the integration's: the configured one; else the role of the vendor's own solution that
#   the profile adds to; else the user's custom roles that grant some of the minimum; else custom roles that match
#   the pattern; else any custom role of the user.
candidates := {role.root_id |
	some role in input.roles
	lower(role.name) == lower(input.requirement.role)
} if {
	input.requirement.role != ""
} else := _vendor_roles if {
	count(_vendor_roles) > 0
} else := _useful_roles if {
	count(_useful_roles) > 0
} else := _matching_roles if {
	count(_matching_roles) > 0
} else := _assigned_custom_roles

# METADATA
# description: >-
#   The candidates in order: the one that grants most of the minimum first; among equals, one that the user has,
#   then by id.
_ranked_candidates := sort([[_assignment_preference(root), 0 - object.get(_score, root, 0), _assignment_rank(root), root] |
	count(candidates) > 1
	some root in candidates
])

# METADATA
# description: If several roles have the configured name, an assigned one takes precedence.
# scope: document
default _assignment_preference(_) := 0

_assignment_preference(root) := _assignment_rank(root) if input.requirement.role != ""

default _assignment_rank(_) := 1

_assignment_rank(root) := 0 if ways[root]

# METADATA
# description: The integration role, as the id of its root.
role := root if {
	count(candidates) == 1
	some root in candidates
} else := _ranked_candidates[0][3]

# METADATA
# description: Why it is unknown which of several roles is the integration's.
role_undecided contains "several roles could be the integration role, and what they grant was not read" if {
	count(candidates) > 1
	some root in candidates
	not input.role_privileges[root]
}

# METADATA
# description: The name of each role by its root, which all copies share.
names[copy.root_id] contains copy.name if some copy in input.roles

role_name := min(names[role])

# METADATA
# description: The role as fixes refer to it.
role_reference := {"id": role, "name": role_name}

# METADATA
# description: The configured name of the role, else the name for a new role.
required_role_name := input.requirement.role if {
	input.requirement.role != ""
} else := profile.current.role_name

# METADATA
# description: Copies of the role that cannot be edited.
role_locked contains id if {
	some id, copy in input.roles
	copy.root_id == role
	not copy.customizable
}

# METADATA
# description: Copies of the role that were made from a role template.
role_built_in contains id if {
	some id, copy in input.roles
	copy.root_id == role
	copy.template_id != ""
}

# METADATA
# description: >-
#   Whether the role is a custom one that can be edited, so that a fix may change it. In a solution's files,
#   anyone with the file can edit the role, whatever happens when the solution is installed.
# scope: document
role_editable if {
	role
	count(role_locked | role_built_in) == 0
}

role_editable if {
	role
	input.source == "solution"
}

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
# description: Why rules about the user cannot apply.
no_user contains sprintf("there is no single integration user to judge%s", [profile.see("user/exists")]) if {
	not user
}

# METADATA
# description: Why rules about the role cannot apply.
no_role contains sprintf("there is no integration role to judge%s", [profile.see("role/exists")]) if {
	not role
}

# METADATA
# description: Notes for the reader of the verdict about these choices.
# scope: document
notes contains note if some note in profile.current.notes

notes contains sprintf("assumed integration role: %q (%s); set role: to choose", [role_name, _role_reason]) if {
	input.requirement.role == ""
}

notes contains sprintf("several roles could be the integration role: %q was judged, not %s", [role_name, others]) if {
	count(candidates) > 1
	others := concat(", ", sort([sprintf("%q (%s)", [min(names[root]), root]) |
		some root in candidates
		root != role
	]))
}

notes contains sprintf("%s: %s", [replace(section, "_", " "), coverage.detail]) if {
	some section, coverage in input.coverage
	coverage.state == "collected"
	coverage.detail != ""
}

notes contains sprintf("assumed integration user: %q, by its name; set app_id: or user: to choose", [input.users[user].name]) if not is_configured

notes contains "views not checked: none is configured" if {
	input.source == "environment"
	count(input.requirement.views) == 0
	profile.controls["view/shared"]
}

notes contains text if {
	profile.current.depth == "deepest"
	text := concat("", [
		"the article does not state access levels: dbaudit requires the highest level each privilege allows; ",
		"lower it with depth: in dbaudit.yaml",
	])
}

_is_vendor_role if lower(role_name) == lower(profile.current.supplements)

default _role_reason := "a custom role of the user"

_role_reason := "the role of the vendor's solution that the profile adds to" if {
	_is_vendor_role
} else := "of the user's custom roles, it covers most of the minimum" if {
	role in _useful_roles
} else := "its name matches" if {
	profile.matches_pattern(role_name)
}
