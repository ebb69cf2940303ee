package dbaudit.rules.user.exists_test

import data.dbaudit.rules.user.exists
import data.dbaudit.testing

_ghost := object.union(testing.application_user, {"deleted": true, "name": "# Demandbase (deleted)"})

_missing(wanted, message, ghosts, fix) := {
	"control": "DB-USER-EXISTS",
	"message": message,
	"subject": {"kind": "user", "id": "", "name": wanted},
	"evidence": {"found": 0, "soft_deleted": ghosts},
	"fix": fix,
}

_create := {
	"kind": "create-application-user",
	"application_id": "application",
	"business_unit": {"name": "Contoso"},
}

test_success_exactly_one if {
	exists.findings == set() with input as testing.snapshot
	exists.findings == set() with input as testing.changed({"/users/ghost": _ghost})
}

test_fail_no_application_user if {
	exists.findings == {_missing(
		"application",
		"there is no application user with the application id application",
		[],
		_create,
	)} with input as testing.no_user
}

test_fail_only_a_soft_deleted_one if {
	exists.findings == {_missing(
		"application",
		concat("", [
			"there is no application user with the application id application; ",
			"a soft-deleted one still has the identity and must be permanently deleted first",
		]),
		["# Demandbase (deleted)"],
		{
			"kind": "remove-duplicate-user",
			"application_id": "application",
			"user": {"kind": "systemuser", "id": "ghost", "name": "# Demandbase (deleted)"},
		},
	)} with input as testing.patched(testing.no_user, {"/users/ghost": _ghost})
}

test_fail_other_soft_deleted_users_are_ignored if {
	others := {
		"/users/ghost": object.union(_ghost, {"application_id": "another"}),
		"/users/jane/deleted": true,
	}
	exists.findings == {_missing(
		"application",
		"there is no application user with the application id application",
		[],
		_create,
	)} with input as testing.patched(testing.no_user, others)

	exists.findings == {_missing(
		"bob@contoso.com",
		"there is no user with the user principal name bob@contoso.com",
		[],
		{"kind": "correct-configuration"},
	)} with input as testing.changed(object.union(others, {
		"/requirement/application_id": "",
		"/requirement/user": "bob@contoso.com",
	}))

	exists.findings == {_missing(
		"demandbase",
		`there is no application user with "demandbase" in its name`,
		[],
		{"kind": "correct-configuration"},
	)} with input as testing.patched(testing.no_user, object.union(others, {
		"/requirement/application_id": "",
		"/users/jane/domain_name": "",
	}))
}

test_fail_no_person if {
	snapshot := testing.changed({"/requirement/application_id": "", "/requirement/user": "bob@contoso.com"})
	exists.findings == {_missing(
		"bob@contoso.com",
		"there is no user with the user principal name bob@contoso.com",
		[],
		{"kind": "correct-configuration"},
	)} with input as snapshot

	exists.findings == {_missing(
		"bob@contoso.com",
		concat("", [
			"there is no user with the user principal name bob@contoso.com; ",
			"a soft-deleted one still has the identity and must be permanently deleted first",
		]),
		["Bob"],
		{"kind": "correct-configuration"},
	)} with input as testing.patched(snapshot, {"/users/bob": object.union(testing.person, {
		"deleted": true,
		"domain_name": "Bob@contoso.com",
		"name": "Bob",
	})})
}

test_fail_no_name_matches if {
	exists.findings == {_missing(
		"demandbase",
		`there is no application user with "demandbase" in its name`,
		[],
		{"kind": "correct-configuration"},
	)} with input as testing.changed({"/requirement/application_id": "", "/users/user/name": "sync"})
}

test_fail_several_users_with_the_application_id if {
	exists.findings == {{
		"control": "DB-USER-EXISTS",
		"message": `2 users have the identity application: "# Demandbase 2" (twin), "# Demandbase" (user)`,
		"subject": {"kind": "user", "id": "", "name": "application"},
		"evidence": {"found": 2, "users": [`"# Demandbase 2" (twin)`, `"# Demandbase" (user)`]},
		"fix": {"kind": "remove-duplicate-user", "application_id": "application"},
	}} with input as testing.changed({"/users/twin": object.union(testing.application_user, {"name": "# Demandbase 2"})})
}

test_fail_several_users_with_a_matching_name if {
	exists.findings == {{
		"control": "DB-USER-EXISTS",
		"message": `2 users have the identity demandbase: "# Demandbase" (twin), "# Demandbase" (user)`,
		"subject": {"kind": "user", "id": "", "name": "demandbase"},
		"evidence": {"found": 2, "users": [`"# Demandbase" (twin)`, `"# Demandbase" (user)`]},
		"fix": {"kind": "correct-configuration"},
	}} with input as testing.changed({
		"/requirement/application_id": "",
		"/users/twin": testing.application_user,
	})
}
