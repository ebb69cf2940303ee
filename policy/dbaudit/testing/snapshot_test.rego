# METADATA
# title: Test data
# description: >-
#   The smallest compliant snapshot with a row of each kind, and functions by which tests change it. Ids are words
#   that people can read. The minimum comes from the profile.
package dbaudit.testing

profile := data.profiles.demandbase

minimum contains name if {
	some control in profile.controls
	some name in control.privileges
}

# METADATA
# description: The snapshot of an environment that meets every control.
snapshot := {
	"format": "dbaudit.snapshot/v1",
	"digest": "",
	"scope": "integration",
	"source": "environment",
	"taken_at": "2026-11-02T08:00:00Z",
	"tool": {"name": "dbaudit", "version": "0.0.0"},
	"environment": {"name": "contoso", "organization_id": "organization", "url": "https://contoso.crm.dynamics.com"},
	"organization": {"id": "organization", "name": "Contoso", "ownership_across_business_units": "off"},
	"requirement": {
		"allow": [],
		"application_id": "application",
		"business_unit": "Contoso",
		"depth": {},
		"profile": "demandbase",
		"role": "Demandbase Integration",
		"user": "",
		"views": [{"name": "Demandbase Accounts", "owner": "jane@contoso.com", "table": "account"}],
	},
	"coverage": {section: {"state": "collected", "detail": ""} | some section in sections},
	"business_units": {
		"root": {"disabled": false, "name": "Contoso", "parent_id": ""},
		"child": {"disabled": false, "name": "Sales", "parent_id": "root"},
	},
	"users": {"user": application_user, "jane": person},
	"teams": {"team": team},
	"roles": {"role": role},
	"role_privileges": {"role": grants},
	"privileges": privileges,
	"views": {"view": view},
	"system_views": {},
	"shares": {"user": {"view": {"rights": ["read"]}}},
}

sections := {
	"organization",
	"business_units",
	"users",
	"teams",
	"roles",
	"role_privileges",
	"privileges",
	"user_views",
	"views",
	"system_views",
	"shares",
}

application_user := {
	"access_mode": "non-interactive",
	"application_id": "application",
	"business_unit_id": "root",
	"deleted": false,
	"disabled": false,
	"domain_name": "application@contoso.com",
	"entra_state": "exists",
	"licensed": false,
	"name": "# Demandbase",
	"object_id": "",
	"roles": ["role"],
	"teams": ["team"],
}

person := {
	"access_mode": "read-write",
	"application_id": "",
	"business_unit_id": "root",
	"deleted": false,
	"disabled": false,
	"domain_name": "jane@contoso.com",
	"entra_state": "exists",
	"licensed": true,
	"name": "Jane",
	"object_id": "",
	"roles": [],
	"teams": [],
}

# METADATA
# description: The default team of the root business unit, which holds no role.
team := {"business_unit_id": "root", "name": "Contoso", "roles": [], "type": 0}

# METADATA
# description: The root copy of a custom role.
role := {
	"business_unit_id": "root",
	"customizable": true,
	"inherited": true,
	"managed": false,
	"name": "Demandbase Integration",
	"root_id": "role",
	"template_id": "",
}

view := {
	"active": true,
	"name": "Demandbase Accounts",
	"owner_id": "jane",
	"seen_by": ["integration-user", "owner"],
	"table": "account",
}

system_view := {"active": true, "name": "Demandbase Accounts", "table": "account"}

# METADATA
# description: Definitions with the access levels that real environments have.
privileges[name] := {"depths": _depths(name), "id": sprintf("id of %s", [name])} if some name in minimum

_depths("prvReadUserQuery") := ["basic"]

_depths(name) := ["local", "deep", "global"] if name in _without_basic

_depths(name) := ["global"] if name in _global_only

_depths(name) := ["basic", "local", "deep", "global"] if {
	name != "prvReadUserQuery"
	not name in _without_basic
	not name in _global_only
}

_without_basic := {"prvCreateUser", "prvReadUser", "prvWriteUser", "prvAppendUser", "prvReadUserSettings"}

_global_only := {
	"prvBulkEdit",
	"prvReadTransactionCurrency",
	"prvReadAttributeMap",
	"prvReadEntity",
	"prvReadEntityMap",
	"prvCreateAttribute",
	"prvReadAttribute",
	"prvWriteAttribute",
	"prvReadRelationship",
	"prvReadQuery",
}

# METADATA
# description: The minimum at the deepest level, and one of the privileges that the platform gives to each role.
grants := object.union(
	{name: definition.depths[count(definition.depths) - 1] | some name, definition in privileges},
	{"prvReadSdkMessage": "global"},
)

# METADATA
# description: A document with values at paths replaced or added; a path comes before what is below it.
patched(document, values) := json.patch(document, [{"op": "add", "path": path, "value": value} |
	some path, value in values
])

# METADATA
# description: A document without what is at the paths.
without(document, paths) := json.patch(document, [{"op": "remove", "path": path} | some path in paths])

# METADATA
# description: The compliant snapshot with values at paths replaced or added.
changed(values) := patched(snapshot, values)

# METADATA
# description: The compliant snapshot without an integration user.
no_user := without(snapshot, ["/users/user"])

# METADATA
# description: The compliant snapshot with a user, to which no role is assigned, and without the integration role.
no_role := patched(without(snapshot, ["/roles/role", "/role_privileges/role"]), {"/users/user/roles": []})
