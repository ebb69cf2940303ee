package dbaudit.integration_test

import data.dbaudit.integration
import data.dbaudit.testing

test_how_a_privilege_is_granted if {
	role := {"id": "role", "name": "Demandbase Integration"}
	privileges := [{"name": "prvReadLead", "id": "id of prvReadLead", "depth": "global"}]

	integration.grant_fixes.prvReadLead == {
		"kind": "raise-depth",
		"role": role,
		"privileges": privileges,
	} with input as testing.changed({"/role_privileges/role/prvReadLead": "basic"})

	integration.grant_fixes.prvReadLead == {
		"kind": "add-privilege",
		"role": role,
		"privileges": privileges,
	} with input as testing.without(testing.snapshot, ["/role_privileges/role/prvReadLead"])

	integration.grant_fixes.prvReadLead == {
		"kind": "replace-role",
		"role": role,
		"privileges": privileges,
	} with input as testing.changed({"/roles/role/customizable": false, "/role_privileges/role/prvReadLead": "basic"})

	integration.grant_fixes.prvReadLead == {
		"kind": "create-role",
		"role": {"name": "Demandbase Integration"},
		"privileges": privileges,
	} with input as testing.no_role

	integration.grant_fixes.prvReadLead.role == {
		"name": "My role",
	} with input as testing.patched(testing.no_role, {"/requirement/role": "My role"})

	integration.grant_fixes.prvReadLead.role == {
		"name": "Demandbase Integration",
	} with input as testing.patched(testing.no_role, {"/requirement/role": ""})

	not integration.grant_fixes.prvReadLead with input as testing.without(testing.snapshot, ["/privileges/prvReadLead"])
}

# The privileges of the minimum that the compliant role grants.
_minimum[name] := level if {
	some name, level in testing.grants
	name in testing.minimum
}

test_grants_of_one_role if {
	integration.granted == _minimum with input as testing.snapshot
	integration.own == testing.grants with input as testing.snapshot
}

test_grants_of_the_role_without_a_user if {
	integration.granted == _minimum with input as testing.no_user
}

test_integration_role_counts_if_no_role_is_assigned if {
	integration.granted == _minimum with input as testing.changed({"/users/user/roles": []})
}

test_nothing_is_granted_without_a_role if {
	integration.granted == {} with input as testing.no_role
	integration.granted == {} with input as testing.without(testing.no_role, ["/users/user"])
}

test_only_assigned_roles_count if {
	integration.granted == {"prvReadAccount": "local"} with input as testing.changed({
		"/roles/other": _other,
		"/role_privileges/other": {"prvReadAccount": "local"},
		"/users/user/roles": ["other"],
	})
}

test_deeper_grant_of_two_roles_counts if {
	snapshot := testing.changed({
		"/roles/other": _other,
		"/role_privileges/role": {"prvReadAccount": "local", "prvReadContact": "global"},
		"/role_privileges/other": {"prvReadAccount": "deep", "prvReadContact": "basic"},
		"/users/user/roles": ["other", "role"],
	})
	integration.granted == {"prvReadAccount": "deep", "prvReadContact": "global"} with input as snapshot
}

_through_team := testing.changed({
	"/users/user/roles": [],
	"/teams/team/roles": ["role"],
	"/role_privileges/role": {"prvReadUserQuery": "basic", "prvReadAccount": "local", "prvReadSdkMessage": "global"},
})

test_inherited_team_role_gives_basic_rights if {
	integration.granted == {"prvReadUserQuery": "basic", "prvReadAccount": "local"} with input as _through_team
	integration.granted == {
		"prvReadAccount": "local",
	} with input as testing.patched(_through_team, {"/roles/role/inherited": false})
}

test_directly_assigned_role_gives_basic_rights_even_if_not_inherited if {
	integration.granted.prvReadUserQuery == "basic" with input as testing.patched(_through_team, {
		"/roles/role/inherited": false,
		"/users/user/roles": ["role"],
	})
}

# A copy of the role in a business unit, with the user's own assignment replaced by it.
_elsewhere(home) := testing.changed({
	"/organization/ownership_across_business_units": "on",
	"/business_units/leaf": {"disabled": false, "name": "West", "parent_id": "child"},
	"/users/user/business_unit_id": "child",
	"/users/user/roles": ["copy"],
	"/roles/copy": object.union(testing.role, {"business_unit_id": home}),
	"/role_privileges/role": object.union(testing.grants, {"prvReadAccount": "local", "prvReadContact": "deep"}),
})

_read(snapshot) := [granted.prvReadAccount, granted.prvReadContact, granted.prvReadLead] if {
	granted := integration.granted with input as snapshot
}

test_depth_applies_from_the_business_unit_of_the_copy if {
	_read(_elsewhere("child")) == ["local", "deep", "global"]
	_read(_elsewhere("root")) == ["basic", "deep", "global"]
	_read(_elsewhere("leaf")) == ["basic", "basic", "global"]
}

test_team_role_that_is_not_inherited_gives_no_basic_rights if {
	team := testing.patched(_elsewhere("leaf"), {
		"/users/user/roles": [],
		"/teams/team/roles": ["copy"],
		"/teams/team/business_unit_id": "leaf",
	})
	_read(team) == ["basic", "basic", "global"]
	granted := integration.granted with input as testing.patched(team, {"/roles/copy/inherited": false})
	not granted.prvReadAccount
	not granted.prvReadContact
	granted.prvReadLead == "global"
}

test_deep_coverage_is_unknown_if_units_above_were_not_read if {
	snapshot := testing.patched(_elsewhere("root"), {
		"/requirement/depth": {"prvReadContact": "deep", "prvReadAccount": "basic"},
		"/coverage/business_units": {"state": "forbidden", "detail": "prvReadBusinessUnit"},
	})
	integration.uncertain_grants == {"prvReadContact": {
		"it is unknown which business units are above the user's: prvReadBusinessUnit",
	}} with input as testing.without(snapshot, ["/business_units/child"])
}
