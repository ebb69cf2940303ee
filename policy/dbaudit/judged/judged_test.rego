package dbaudit.judged_test

import data.dbaudit.judged
import data.dbaudit.testing

_role := {"kind": "role", "id": "role", "name": "Demandbase Integration"}

_user := {"kind": "user", "id": "user", "name": "# Demandbase"}

test_integration_has_user_and_role if {
	integration := judged.integration with input as testing.changed({
		"/role_privileges/role/prvReadAccount": "local",
		"/role_privileges/role/prvReadOrganization": "global",
		"/role_privileges/role/prvBulkDelete": "global",
	})
	integration.user == _user
	integration.role == _role
	integration.granted.prvReadAccount == "local"
	integration.required.prvReadAccount == "global"
	integration.required.prvReadUserQuery == "basic"
	integration.surplus == ["prvBulkDelete", "prvReadOrganization"]
	integration.allowed == []
}

test_allowed_privileges_are_listed if {
	integration := judged.integration with input as testing.changed({"/requirement/allow": ["prvReadTeam", "prvReadOrganization"]})
	integration.allowed == ["prvReadOrganization", "prvReadTeam"]
}

test_missing_values_are_null if {
	integration := judged.integration with input as testing.patched(testing.no_role, {"/users/user/deleted": true})
	integration.user == null
	integration.role == null
	integration.granted == {}
	integration.surplus == null
}

test_unread_values_are_null if {
	unread := judged.integration with input as testing.changed({
		"/coverage/teams/state": "forbidden",
		"/coverage/privileges/state": "failed",
		"/coverage/users/state": "failed",
	})
	unread.user == null
	unread.role == _role
	unread.granted == null
	unread.required == null

	# Without a configured name, the role is chosen by its assignments.
	snapshot := testing.changed({"/coverage/teams/state": "forbidden", "/requirement/role": ""})
	chosen := judged.integration with input as snapshot
	chosen.role == null
	chosen.surplus == null

	# The grants of the candidates were not read.
	undecided := judged.integration with input as testing.patched(testing.without(testing.snapshot, ["/role_privileges/role"]), {
		"/requirement/role": "",
		"/roles/other": object.union(testing.role, {"name": "Demandbase Sync", "root_id": "other"}),
		"/users/user/roles": ["role", "other"],
	})
	undecided.role == null
}

test_no_surplus_without_a_control_of_least_privilege if {
	integration := judged.integration with input as testing.changed({"/role_privileges/role/prvBulkDelete": "global"})
		with data.profiles.demandbase as object.union(testing.profile, {"controls": [control |
			some control in testing.profile.controls
			control.rule != "role/least-privilege"
		]})
	integration.surplus == null
}
