# METADATA
# title: The integration
# description: Which user and which role are the integration's, and what reaches the user.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.integration

import data.dbaudit.depth
import data.dbaudit.profile

# METADATA
# description: The live users that the configuration names or, where it names none, those that fit the pattern.
users contains id if {
	input.requirement.application_id != ""
	some id, user in input.users
	lower(user.application_id) == lower(input.requirement.application_id)
	not user.deleted
}

users contains id if {
	input.requirement.application_id == ""
	input.requirement.user != ""
	some id, user in input.users
	lower(user.domain_name) == lower(input.requirement.user)
	not user.deleted
}

users contains id if {
	not named
	some id, user in input.users
	user.application_id != ""
	contains(lower(user.name), lower(profile.current.pattern))
	not user.deleted
}

named if input.requirement.application_id != ""

named if input.requirement.user != ""

# METADATA
# description: The users among which the configuration must choose; nobody can judge before.
ambiguous contains id if {
	not named
	count(users) > 1
	some id in users
}

# METADATA
# description: The integration user's id, where there is exactly one.
user := id if {
	count(users) == 1
	some id in users
}

# METADATA
# description: The user as findings and fixes refer to it.
user_reference := {"kind": "systemuser", "id": user, "name": input.users[user].name}

# METADATA
# description: Those whose shares count for the user, which is itself and its teams.
principals contains user

principals contains team if some team in input.users[user].teams

# METADATA
# description: Copies of roles that are assigned to the user itself.
direct contains role if some role in input.users[user].roles

# METADATA
# description: Copies of roles that reach the user through a team.
through_team contains role if {
	some team in input.users[user].teams
	some role in input.teams[team].roles
}

reaching := direct | through_team

# METADATA
# description: The reaching roles by root, each with the ways in which it reaches the user.
ways[root] contains "assigned to the user" if {
	some id in direct
	root := input.roles[id].root_id
}

ways[root] contains sprintf("through the team %q", [input.teams[team].name]) if {
	some team in input.users[user].teams
	some id in input.teams[team].roles
	root := input.roles[id].root_id
}

# METADATA
# description: Custom roles that reach the user.
_reaching_custom contains root if {
	some id in reaching
	role := input.roles[id]
	role.template_id == ""
	root := role.root_id
}

_useful contains root if {
	some root in _reaching_custom
	_score[root] > 0
}

# METADATA
# description: Custom roles whose name fits the profile's pattern.
_fitting_pattern contains role.root_id if {
	some role in input.roles
	role.template_id == ""
	contains(lower(role.name), lower(profile.current.pattern))
}

# METADATA
# description: >-
#   How much of the minimum a role grants: what it grants deeply enough counts first, what it grants at
#   all breaks a tie.
_score[root] := (1000 * count(enough)) + count(any_depth) if {
	some root, grants in input.role_privileges
	any_depth := {name | some name, _ in profile.minimum; grants[name]}
	enough := {name | some name in any_depth; depth.rank[grants[name]] >= depth.rank[depth.required[name]]}
}

# METADATA
# description: >-
#   The roles that may be the integration's: the configured one; else the custom roles that reach the user
#   and grant some of the minimum; else custom roles that fit the pattern; else any custom role that reaches
#   the user.
candidates := {role.root_id |
	some role in input.roles
	lower(role.name) == lower(input.requirement.role)
} if {
	input.requirement.role != ""
} else := _useful if {
	count(_useful) > 0
} else := _fitting_pattern if {
	count(_fitting_pattern) > 0
} else := _reaching_custom

# METADATA
# description: >-
#   The candidates in order: the one that grants most of the minimum first; among equals, the one that
#   reaches the user, then by id.
_order := sort([[0 - object.get(_score, root, 0), _distance(root), root] | some root in candidates])

_distance(root) := 0 if ways[root]

_distance(root) := 1 if not ways[root]

# METADATA
# description: The integration role, as the id of its root.
role := _order[0][2]

# METADATA
# description: The name of each role by its root, which all copies share.
names[copy.root_id] contains copy.name if some copy in input.roles

role_name := min(names[role])

role_reference := {"id": role, "name": role_name}

# METADATA
# description: Whether every copy of the role that was read may be edited.
default role_customizable := false

role_customizable if {
	role
	every copy in _copies {
		copy.customizable
	}
}

# METADATA
# description: Whether the role is a custom one that can be edited, so that a fix may change it.
role_editable if {
	role_customizable
	every copy in _copies {
		copy.template_id == ""
	}
}

_copies := [copy | some copy in input.roles; copy.root_id == role]

# METADATA
# description: What the integration role grants by itself.
own := object.get(input.role_privileges, role, {})

# METADATA
# description: What the user is granted by the roles that reach it, as ranks by privilege.
_held[name] contains depth.rank[level] if {
	some id in direct
	some name, _ in profile.minimum
	level := input.role_privileges[input.roles[id].root_id][name]
}

_held[name] contains depth.rank[level] if {
	some id in through_team
	copy := input.roles[id]
	some name, _ in profile.minimum
	level := input.role_privileges[copy.root_id][name]
	_inherits(level, copy.inherited)
}

# METADATA
# description: A team's role gives its members no Basic rights unless they are inherited; deeper ones always.
_inherits(_, inherited) if inherited

_inherits(level, _) if level != "basic"

# METADATA
# description: >-
#   The depth at which the integration holds each privilege of the minimum: by all roles that reach the
#   user, or by the integration role alone where none does.
granted[name] := depth.names[max(ranks)] if some name, ranks in _held

granted[name] := level if {
	count(reaching) == 0
	some name, _ in profile.minimum
	level := own[name]
}

# METADATA
# description: Why rules about the user cannot apply.
no_user contains sprintf("there is no single integration user to judge, see %s", [profile.ids["user/exists"]]) if {
	not user
}

# METADATA
# description: Why rules about the role cannot apply.
no_role contains sprintf("there is no integration role to judge, see %s", [profile.ids["role/exists"]]) if {
	not role
}

# METADATA
# description: What a reader of the verdict must know about these choices.
notes contains sprintf("the integration role is taken to be %q; %s", [role_name, _how_role]) if {
	input.requirement.role == ""
}

notes contains sprintf("several roles could be the integration role; %q was judged, not %s", [role_name, others]) if {
	count(candidates) > 1
	others := concat(", ", sort([sprintf("%q (%s)", [min(names[root]), root]) |
		some root in candidates
		root != role
	]))
}

notes contains sprintf("the integration user is taken to be %q, by its name", [input.users[user].name]) if not named

notes contains text if {
	profile.current.depth == "deepest"
	text := concat("", [
		"the article names no access level: that each privilege must be granted at the deepest level it ",
		"allows is dbaudit's own default; depth: in the configuration asks for less",
	])
}

_how_role := "of the custom roles that reach the user it grants most of the minimum" if {
	role in _reaching_custom
} else := "its name fits"
