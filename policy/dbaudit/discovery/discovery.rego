# METADATA
# title: Discovery
# description: >-
#   The application users of an environment: their roles, the profile that each one matches,
#   their dangerous privileges, and the integrations that this suggests. The input has all
#   application users and what their roles grant.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/manage-application-users
#     description: Manage application users in the Power Platform admin center
package dbaudit.discovery

import data.dbaudit.access
import data.dbaudit.coverage
import data.dbaudit.danger
import data.dbaudit.integration

# METADATA
# description: The report.
report := {
	"users": [user | some id in _sorted_users; user := _users[id]],
	"integrations": [_proposal(name, id) | some name, id in _proposed],
	"passed_over": [{"profile": name, "user": _users[id].user} |
		some name, ids in _best_matches
		some id in ids
		id != _proposed[name]
	],
	"unread": _unread,
}

# METADATA
# description: >-
#   Users that match a profile come first, then administrators, then users with dangerous privileges; among equals by
#   name.
_sorted_users := [row[4] | some row in sort([
[count(user.fits) == 0, count(_administrator_roles(user)) == 0, count(user.dangerous) == 0, lower(user.user.name), id] |
	some id, user in _users
])]

_administrator_roles(user) := [role | some role in user.roles; role.administrator != ""]

_users[id] := {
	"user": {"kind": "user", "id": id, "name": user.name},
	"application_id": user.application_id,
	"business_unit": _unit_name(user),
	"disabled": user.disabled,
	"roles": _roles(id),
	"fits": _fits[id],
	"dangerous": _dangerous(id),
	"unknown": _unknown(id),
} if {
	some id, user in _application_users
}

_application_users[id] := user if {
	some id, user in input.users
	user.application_id != ""
	not user.deleted
}

_unit_name(user) := object.get(input.business_units, user.business_unit_id, {"name": ""}).name

# METADATA
# description: >-
#   The input with one user as the integration's user, for a profile. It makes the rules about the integration's user
#   apply to each user.
_input_for(id, profile) := object.union(object.remove(input, ["users", "requirement"]), {
	"users": {id: input.users[id]},
	"requirement": {
		"allow": [],
		"application_id": input.users[id].application_id,
		"business_unit": "",
		"depth": {},
		"profile": profile,
		"role": "",
		"user": "",
		"views": [],
	},
})

_assignments[id] := held if {
	some id, _ in _application_users
	seen := _input_for(id, "")
	held := _assignment with input as seen
}

# METADATA
# description: The roles of the integration's user, by the root of the role.
_assignment := {
	"ways": integration.ways,
	"doubts": integration.uncertain_roles,
	"silenced": integration.ineffective_roles,
}

_ways(id, root) := object.get(_assignments[id].ways, root, set())

_roles(id) := [role |
	some row in sort([[lower(object.get(_role_names, root, "")), root] |
		some root in (object.keys(_assignments[id].ways) | object.keys(_assignments[id].silenced))
	])
	root := row[1]
	role := {
		"id": root,
		"name": object.get(_role_names, root, ""),
		"administrator": _administrator(id, root),
		"ways": sort(_ways(id, root)),
		"reservations": sort(object.get(_assignments[id].doubts, root, set()) | object.get(_assignments[id].silenced, root, set())),
	}
]

# METADATA
# description: The administrator template of a role of the user; empty for other roles.
# scope: document
default _administrator(_, _) := ""

_administrator(id, root) := max(_templates[root]) if count(_ways(id, root)) > 0

_templates[copy.root_id] contains danger.administrators[lower(copy.template_id)] if some copy in input.roles

# METADATA
# description: The name of each role by its root.
_role_names := {root: min(names) | some root, names in _names_by_root}

_names_by_root[copy.root_id] contains copy.name if some copy in input.roles

_custom_roles contains copy.root_id if {
	some copy in input.roles
	copy.template_id == ""
}

# METADATA
# description: The privileges that each role grants, by name in lower case, with the depth, which may be unknown.
_grants[root] := object.union_n([
	{lower(name): {"name": name, "depth": "unknown"} | some name, _ in object.get(_unreadable, root, {})},
	{lower(name): {"name": name, "depth": "filtered"} | some name, _ in object.get(_filtered, root, {})},
	{lower(name): {"name": name, "depth": depth} | some name, depth in grants},
]) if {
	some root, grants in input.role_privileges
}

_filtered := object.get(input, "filtered_privileges", {})

_unreadable := object.get(input, "unreadable_privileges", {})

# METADATA
# description: The profiles of vendors, without earlier versions, with names in lower case.
_vendors[name] := {
	"pattern": lower(object.get(profile, "pattern", "")),
	"application_ids": {lower(id) | some id in object.get(profile, "application_ids", [])},
	"minimum": {lower(privilege) | some control in profile.controls; some privilege in control.privileges},
	"allow": {lower(privilege) | some privilege in object.get(profile, "allow", [])},
} if {
	some name, profile in data.profiles
	not contains(name, "@")
	_judges_users(profile)
}

_judges_users(profile) if {
	some control in profile.controls
	control.rule == "user/exists"
}

# METADATA
# description: >-
#   The profiles that a user matches: by an application id that the vendor's page states, by the user's name, or by the
#   name of one of its custom roles. The most certain match is first, then the one with most of its minimum granted.
_fits[id] := [row[3] | some row in sort([[rank, 0 - granted, 0 - count(vendor.minimum), fit] |
	some name, vendor in _vendors
	rank := min(_match_ranks(id, vendor))
	granted := _granted(id, name)
	fit := {"profile": name, "by": _match_kinds[rank], "granted": _granted_if_known(id, granted), "required": count(vendor.minimum)}
])] if {
	some id, _ in _application_users
}

_granted(id, name) := count(_vendors[name].minimum & _granted_names[id])

# METADATA
# description: The number of granted privileges; null if not all roles of the user were read.
_granted_if_known(id, granted) := granted if {
	_roles_read
	count(_unknown(id)) == 0
} else := null

_roles_read if {
	every section in ["teams", "roles", "role_privileges"] { coverage.was_read(section) }
}

_match_kinds := ["application-id", "user", "role"]

_match_ranks(id, vendor) := (by_id | by_user) | by_role if {
	by_id := {0 | lower(_application_users[id].application_id) in vendor.application_ids}
	by_user := {1 | _matches_pattern(_application_users[id].name, vendor.pattern)}
	by_role := {2 |
		some root, _ in _assignments[id].ways
		root in _custom_roles
		_matches_pattern(_role_names[root], vendor.pattern)
	}
}

_matches_pattern(name, pattern) if {
	pattern != ""
	contains(lower(name), pattern)
}

_granted_names[id] := {name | some root, _ in _assignments[id].ways; some name, _ in _grants[root]} if some id, _ in _application_users

# METADATA
# description: >-
#   The dangerous privileges of a user that its best matching profile neither requires nor allows. Grants of
#   administrator roles are left out, because the role itself is reported.
_dangerous(id) := [privilege |
	granted := _dangerous_grants(id)
	accepted := _accepted(id)
	some row in sort([[0 - _max_rank(depths), key] |
		some key, grants in granted
		depths := {grant.depth | some grant in grants}
		count(depths) > 0
	])
	key := row[1]
	not key in accepted
	privilege := {
		"name": min({grant.name | some grant in granted[key]}),
		"lets": _effects[key],
		"depth": _deepest({grant.depth | some grant in granted[key]}),
		"roles": sort({grant.role | some grant in granted[key]}),
	}
]

_dangerous_grants(id) := {key: {grant |
	some root, _ in _assignments[id].ways
	_administrator(id, root) == ""
	found := _grants[root][key]
	grant := object.union(found, {"role": object.get(_role_names, root, "")})
} |
	some key in _granted_names[id]
	_effects[key]
}

# METADATA
# description: What each dangerous privilege lets its holder do, by name in lower case.
_effects := danger.of_integration({key | some grants in _grants; some key, _ in grants})

_accepted(id) := _vendors[_fits[id][0].profile].minimum | _vendors[_fits[id][0].profile].allow if {
	count(_fits[id]) > 0
} else := set()

# METADATA
# description: The deepest known depth, else a word for an unknown one.
_deepest(depths) := access.names[_max_rank(depths)] if {
	_max_rank(depths) > 0
} else := min(depths)

_max_rank(depths) := max({0} | {rank | some word in depths; rank := access.rank[word]})

# METADATA
# description: Why not everything about a user is known.
_unknown(id) := sort({sprintf("what the role %q grants was not read", [_role_names[root]]) |
	some root, _ in _assignments[id].ways
	not input.role_privileges[root]
} | {reason |
	some reasons in _assignments[id].doubts
	some reason in reasons
})

# METADATA
# description: The users that match a profile best.
_best_matches[name] contains id if {
	some id, fits in _fits
	name := fits[0].profile
}

# METADATA
# description: >-
#   The user that is proposed for each profile, because the integrations of an environment have different profiles.
_proposed[name] := id if {
	some name, ids in _best_matches
	ranked := sort([[_match_rank(id), _users[id].disabled, 0 - _granted(id, name), lower(_users[id].user.name), id] |
		some id in ids
	])
	id := ranked[0][4]
}

_match_rank(id) := {"application-id": 0, "user": 1, "role": 2}[_users[id].fits[0].by]

_proposal(name, id) := {
	"profile": name,
	"application_id": _users[id].application_id,
	"role": _role_to_judge(name, id),
	"user": _users[id].user,
}

_role_to_judge(name, id) := role if {
	seen := _input_for(id, name)
	role := _integration_role with input as seen
}

# METADATA
# description: The name of the role that a scan would judge, if the user has it.
# scope: document
default _integration_role := ""

_integration_role := integration.role_name if {
	count(integration.role_undecided) == 0
	integration.ways[integration.role]
}

# METADATA
# description: The sections of discovery that were not read.
_unread := [{"section": section, "state": covered.state, "reason": covered.detail} |
	some section in ["users", "teams", "roles", "role_privileges", "business_units", "organization"]
	covered := object.get(input.coverage, section, {"state": "unknown", "detail": ""})
	covered.state != "collected"
]
