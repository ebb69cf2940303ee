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
import data.dbaudit.danger
import data.dbaudit.integration

# METADATA
# description: All that is discovered.
report := {
	"users": [user | some id in _order; user := _users[id]],
	"integrations": [_proposal(name, id) | some name, id in _chosen],
	"passed_over": [{"profile": name, "user": _users[id].user} |
		some name, ids in _suitors
		some id in ids
		id != _chosen[name]
	],
	"unread": _unread,
}

# METADATA
# description: >-
#   Users that match a profile come first, then administrators, then users with dangerous privileges; among equals by
#   name.
_order := [row[4] | some row in sort([
[count(user.fits) == 0, count(_administrator_roles(user)) == 0, count(user.dangerous) == 0, lower(user.user.name), id] |
	some id, user in _users
])]

_administrator_roles(user) := [role | some role in user.roles; role.administrator != ""]

_users[id] := {
	"user": {"kind": "user", "id": id, "name": user.name},
	"application_id": user.application_id,
	"business_unit": _unit(user),
	"disabled": user.disabled,
	"roles": _roles(id),
	"fits": _fits[id],
	"dangerous": _dangerous(id),
	"unknown": _unknown(id),
} if {
	some id, user in _live
}

_live[id] := user if {
	some id, user in input.users
	user.application_id != ""
	not user.deleted
}

_unit(user) := object.get(input.business_units, user.business_unit_id, {"name": ""}).name

# METADATA
# description: >-
#   The input as it is judged for one user, by a profile. So whatever rules say of an integration's user they say of
#   each.
_seen_from(id, profile) := object.union(object.remove(input, ["users", "requirement"]), {
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

_held[id] := held if {
	some id, _ in _live
	seen := _seen_from(id, "")
	held := _holding with input as seen
}

# METADATA
# description: What the one user of the input has, by the role's root, with the ways in which the role is assigned.
_holding := {
	"ways": integration.ways,
	"doubts": integration.doubts,
	"silenced": integration.silenced,
}

_ways(id, root) := object.get(_held[id].ways, root, set())

_roles(id) := [role |
	some row in sort([[lower(object.get(_names, root, "")), root] |
		some root in (object.keys(_held[id].ways) | object.keys(_held[id].silenced))
	])
	root := row[1]
	role := {
		"id": root,
		"name": object.get(_names, root, ""),
		"administrator": _administrator(id, root),
		"ways": sort(_ways(id, root)),
		"reservations": sort(object.get(_held[id].doubts, root, set()) | object.get(_held[id].silenced, root, set())),
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
_names := {root: min(names) | some root, names in _all_names}

_all_names[copy.root_id] contains copy.name if some copy in input.roles

_custom contains copy.root_id if {
	some copy in input.roles
	copy.template_id == ""
}

# METADATA
# description: What each role grants in any way, by name in lower case, with the depth, which may be unknown.
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
# description: The profiles of vendors, without the earlier versions of one, with their minimum in lower case.
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
#   The profiles that a user matches: by an application id that the vendor's page states, by its own name, or by the name
#   of a custom role that it has. The most certain is first, then the one with most of its minimum granted.
_fits[id] := [row[3] | some row in sort([[rank, 0 - granted, 0 - count(vendor.minimum), fit] |
	some name, vendor in _vendors
	rank := min(_marks(id, vendor))
	granted := _granted(id, name)
	fit := {"profile": name, "by": _by[rank], "granted": _told(id, granted), "required": count(vendor.minimum)}
])] if {
	some id, _ in _live
}

_granted(id, name) := count(_vendors[name].minimum & _granted_names[id])

# METADATA
# description: How much is granted, if everything that it depends on was read.
_told(id, granted) := granted if {
	_roles_read
	count(_unknown(id)) == 0
} else := null

_roles_read if {
	every section in ["teams", "roles", "role_privileges"] {
		input.coverage[section].state == "collected"
	}
}

_by := ["application-id", "user", "role"]

_marks(id, vendor) := (by_id | by_user) | by_role if {
	by_id := {0 | lower(_live[id].application_id) in vendor.application_ids}
	by_user := {1 | _fitting(_live[id].name, vendor.pattern)}
	by_role := {2 |
		some root, _ in _held[id].ways
		root in _custom
		_fitting(_names[root], vendor.pattern)
	}
}

_fitting(name, pattern) if {
	pattern != ""
	contains(lower(name), pattern)
}

_granted_names[id] := {name | some root, _ in _held[id].ways; some name, _ in _grants[root]} if some id, _ in _live

# METADATA
# description: >-
#   The dangerous privileges of a user that its best matching profile does not require or allow. Grants of
#   administrator roles are left out, because the role is reported itself.
_dangerous(id) := [privilege |
	granted := _granted_by(id)
	accepted := _accepted(id)
	some row in sort([[0 - _reach(depths), key] |
		some key, grants in granted
		depths := {grant.depth | some grant in grants}
		count(depths) > 0
	])
	key := row[1]
	not key in accepted
	privilege := {
		"name": min({grant.name | some grant in granted[key]}),
		"lets": _lets[key],
		"depth": _deepest({grant.depth | some grant in granted[key]}),
		"roles": sort({grant.role | some grant in granted[key]}),
	}
]

_granted_by(id) := {key: {grant |
	some root, _ in _held[id].ways
	_administrator(id, root) == ""
	found := _grants[root][key]
	grant := object.union(found, {"role": object.get(_names, root, "")})
} |
	some key in _granted_names[id]
	_lets[key]
}

# METADATA
# description: What each dangerous privilege lets its holder do, by name in lower case.
_lets := danger.of_integration({key | some grants in _grants; some key, _ in grants})

_accepted(id) := _vendors[_fits[id][0].profile].minimum | _vendors[_fits[id][0].profile].allow if {
	count(_fits[id]) > 0
} else := set()

# METADATA
# description: The deepest of the depths that are known, else the word for one that is not.
_deepest(depths) := access.names[_reach(depths)] if {
	_reach(depths) > 0
} else := min(depths)

_reach(depths) := max({0} | {rank | some word in depths; rank := access.rank[word]})

# METADATA
# description: What was not read of a user.
_unknown(id) := sort({sprintf("what the role %q grants was not read", [_names[root]]) |
	some root, _ in _held[id].ways
	not input.role_privileges[root]
} | {reason |
	some reasons in _held[id].doubts
	some reason in reasons
})

# METADATA
# description: The users that match a profile best.
_suitors[name] contains id if {
	some id, fits in _fits
	name := fits[0].profile
}

# METADATA
# description: >-
#   The one of them that is proposed: no two integrations of an environment have the same profile.
_chosen[name] := id if {
	some name, ids in _suitors
	ranked := sort([[_rank(id), _users[id].disabled, 0 - _granted(id, name), lower(_users[id].user.name), id] |
		some id in ids
	])
	id := ranked[0][4]
}

_rank(id) := {"application-id": 0, "user": 1, "role": 2}[_users[id].fits[0].by]

_proposal(name, id) := {
	"profile": name,
	"application_id": _users[id].application_id,
	"role": _role(name, id),
	"user": _users[id].user,
}

_role(name, id) := role if {
	seen := _seen_from(id, name)
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
# description: The sections without which nothing is known.
_unread := [{"section": section, "state": coverage.state, "reason": coverage.detail} |
	some section in ["users", "teams", "roles", "role_privileges", "business_units", "organization"]
	coverage := object.get(input.coverage, section, {"state": "unknown", "detail": ""})
	coverage.state != "collected"
]
