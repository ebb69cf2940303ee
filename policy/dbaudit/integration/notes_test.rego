package dbaudit.integration_test

import data.dbaudit.integration
import data.dbaudit.testing

_article := concat("", [
	"the article does not state access levels: dbaudit requires the highest level each privilege allows; ",
	"lower it with depth: in dbaudit.yaml",
])

test_notes_explain_the_default_depth if {
	integration.notes == {_article} with input as testing.snapshot
	integration.notes == set() with input as testing.snapshot
		with data.profiles.demandbase as object.union(testing.profile, {"depth": "named"})
}

test_notes_say_how_user_and_role_were_deduced if {
	integration.notes == {
		_article,
		`assumed integration user: "# Demandbase", by its name; set app_id: or user: to choose`,
		concat("", [
			`assumed integration role: "Demandbase Integration" `,
			"(of the user's custom roles, it covers most of the minimum); set role: to choose",
		]),
	} with input as _unnamed

	integration.notes == {
		_article,
		`assumed integration role: "Demandbase Integration" (its name matches); set role: to choose`,
	} with input as testing.changed({"/requirement/role": "", "/users/user/roles": []})

	integration.notes == {
		_article,
		`assumed integration role: "Sync" (a custom role of the user); set role: to choose`,
	} with input as testing.changed({
		"/requirement/role": "",
		"/roles/role/name": "Sync",
		"/role_privileges/role": {},
	})

	integration.notes == {_article} with input as testing.patched(testing.no_role, {"/requirement/role": ""})
}

test_notes_name_the_roles_that_were_not_judged if {
	integration.notes == {
		_article,
		`several roles could be the integration role: "Demandbase Integration" was judged, not "Sync" (other)`,
		concat("", [
			`assumed integration role: "Demandbase Integration" `,
			"(of the user's custom roles, it covers most of the minimum); set role: to choose",
		]),
	} with input as testing.changed({
		"/requirement/role": "",
		"/roles/other": _other,
		"/roles/basic": _built_in,
		"/role_privileges/other": {"prvReadAccount": "global"},
		"/users/user/roles": ["other", "role"],
	})
}

test_notes_contain_details_of_collected_sections if {
	notes := integration.notes with input as testing.changed({
		"/coverage/role_privileges/detail": "a remark",
		"/coverage/user_views": {"state": "forbidden", "detail": "a reason"},
	})
	"role privileges: a remark" in notes
	every note in notes { not contains(note, "a reason") }
}

test_notes_say_that_no_view_was_checked if {
	unchecked := "views not checked: none is configured"
	snapshot := testing.changed({"/requirement/views": []})
	unchecked in integration.notes with input as snapshot
	not unchecked in integration.notes with input as testing.snapshot
	not unchecked in integration.notes with input as testing.patched(snapshot, {"/source": "solution"})
}
