package dbaudit.integration_test

import data.dbaudit.integration
import data.dbaudit.testing

# A requirement that names neither a user nor a role.
_unnamed := testing.changed({"/requirement/application_id": "", "/requirement/role": ""})

# A second application user, with the same application id.
_twin := object.union(testing.application_user, {"name": "# Demandbase 2"})

test_the_user_of_the_configured_application_id if {
	integration.user == "user" with input as testing.snapshot
	integration.user == "user" with input as testing.changed({"/requirement/application_id": "APPLICATION"})
	integration.user_reference == {
		"kind": "systemuser",
		"id": "user",
		"name": "# Demandbase",
	} with input as testing.snapshot
	integration.ambiguous == set() with input as testing.snapshot
}

test_only_a_configured_application_id_counts if {
	not integration.user with input as testing.changed({
		"/requirement/application_id": "nobody's",
		"/requirement/user": "jane@contoso.com",
	})
}

test_soft_deleted_user_does_not_count if {
	snapshot := testing.changed({"/users/user/deleted": true})
	integration.users == set() with input as snapshot
	not integration.user with input as snapshot
	not integration.user with input as testing.patched(_unnamed, {"/users/user/deleted": true})
	not integration.user with input as testing.changed({
		"/requirement/application_id": "",
		"/requirement/user": "jane@contoso.com",
		"/users/jane/deleted": true,
	})
}

test_soft_deleted_duplicate_does_not_count if {
	integration.user == "user" with input as testing.changed({"/users/twin": object.union(_twin, {"deleted": true})})
}

test_several_users_with_the_application_id_are_not_the_user if {
	snapshot := testing.changed({"/users/twin": _twin})
	integration.users == {"user", "twin"} with input as snapshot
	integration.ambiguous == set() with input as snapshot
	integration.assigned_copies == set() with input as snapshot
	not integration.user with input as snapshot
}

test_the_user_of_the_configured_principal_name if {
	integration.user == "jane" with input as testing.changed({
		"/requirement/application_id": "",
		"/requirement/user": "Jane@Contoso.com",
	})
}

test_application_user_with_a_matching_name if {
	integration.user == "user" with input as _unnamed
	integration.user == "user" with input as testing.patched(_unnamed, {"/users/user/name": "my DEMANDBASE sync"})
	not integration.user with input as testing.patched(_unnamed, {"/users/user/name": "sync"})
	integration.ambiguous == set() with input as _unnamed
}

test_user_without_a_principal_name_does_not_match_an_empty_one if {
	integration.users == {"user"} with input as testing.patched(_unnamed, {"/users/jane/domain_name": ""})
}

test_a_person_matches_no_profile if {
	not integration.user with input as testing.patched(_unnamed, {"/users/user/application_id": ""})
}

test_several_matching_users_are_ambiguous if {
	snapshot := testing.patched(_unnamed, {"/users/twin": _twin})
	integration.ambiguous == {"user", "twin"} with input as snapshot
	not integration.user with input as snapshot
}

test_missing_user_has_no_roles if {
	integration.principals == set() with input as testing.no_user
	integration.assigned_copies == set() with input as testing.no_user
	integration.ways == {} with input as testing.no_user
	integration.no_user == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
	integration.no_user == set() with input as testing.snapshot
}

test_reason_refers_to_no_control_if_none_exists if {
	profile := object.union(testing.profile, {"controls": []})
	integration.no_user == {"there is no single integration user to judge"} with input as testing.no_user
		with data.profiles.demandbase as profile
	integration.no_role == {"there is no integration role to judge"} with input as testing.no_role
		with data.profiles.demandbase as profile
}
