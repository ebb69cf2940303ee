package dbaudit.rules.view.shared_test

import data.dbaudit.rules.view.shared
import data.dbaudit.testing

# The required view, which only its owner sees.
_unseen := testing.changed({"/views/view/seen_by": ["owner"], "/shares": {}})

# No identity sees a personal view of the name.
_gone := testing.without(testing.snapshot, ["/views/view", "/shares/user"])

_list_unread := {"/coverage/user_views": {"state": "forbidden", "detail": "impersonation is refused"}}

_subject := {"kind": "required-view", "id": "", "name": "Demandbase Accounts", "table": "account"}

_user := {"kind": "systemuser", "id": "user", "name": "# Demandbase"}

_jane := {"kind": "systemuser", "id": "jane", "name": "Jane"}

_not_shared(ids, meant, owner) := {
	"control": "DB-VIEW-SHARED",
	"message": `the view "Demandbase Accounts" of the table account is not shared with the user "# Demandbase"`,
	"subject": _subject,
	"evidence": {"state": "not-shared", "table": "account", "view": "Demandbase Accounts", "views": ids},
	"fix": {
		"kind": "share-view",
		"table": "account",
		"view": {"id": meant, "name": "Demandbase Accounts"},
		"owner": owner,
		"user": _user,
	},
}

_not_visible := {
	"control": "DB-VIEW-SHARED",
	"message": concat(" ", [
		`the user "# Demandbase" sees no view "Demandbase Accounts" of the table account:`,
		"it is missing or not shared",
	]),
	"subject": _subject,
	"evidence": {"state": "not-visible", "table": "account", "view": "Demandbase Accounts"},
	"fix": {
		"kind": "find-view",
		"table": "account",
		"view": {"name": "Demandbase Accounts"},
		"owner": {"name": "jane@contoso.com"},
		"user": _user,
	},
}

test_success_shared if {
	shared.findings == set() with input as testing.snapshot
	shared.not_applicable == set() with input as testing.snapshot
	shared.unknown == set() with input as testing.snapshot
	shared.notes == set() with input as testing.snapshot
}

test_success_shared_though_the_list_is_unread if {
	snapshot := testing.patched(testing.changed({"/views/view/seen_by": ["owner"]}), _list_unread)
	shared.findings == set() with input as snapshot
	shared.unknown == set() with input as snapshot
}

test_success_shared_with_a_team_though_the_list_is_unread if {
	snapshot := testing.patched(_unseen, object.union(_list_unread, {
		"/shares": {"team": {"view": {"rights": ["read"]}}},
	}))
	shared.findings == set() with input as snapshot
	shared.unknown == set() with input as snapshot
}

test_success_owned_though_the_list_is_unread if {
	snapshot := testing.patched(_unseen, object.union(_list_unread, {"/views/view/owner_id": "user"}))
	shared.findings == set() with input as snapshot
	shared.unknown == set() with input as snapshot
}

test_success_a_system_view_with_a_note if {
	snapshot := testing.patched(_gone, {"/system_views/system": testing.system_view})
	shared.findings == set() with input as snapshot
	shared.unknown == set() with input as snapshot
	shared.notes == {concat(" ", [
		`"Demandbase Accounts" is a system view: every user with prvReadQuery sees it,`,
		"and it cannot be shared",
	])} with input as snapshot
}

test_fail_not_shared if {
	shared.findings == {_not_shared(["view"], "view", _jane)} with input as _unseen
	shared.unknown == set() with input as _unseen
	shared.notes == set() with input as _unseen
}

test_fail_not_shared_by_the_shares if {
	snapshot := testing.patched(_unseen, _list_unread)
	shared.findings == {_not_shared(["view"], "view", _jane)} with input as snapshot
	shared.unknown == set() with input as snapshot
}

test_fail_shared_without_read if {
	shared.findings == {
		_not_shared(["view"], "view", _jane),
	} with input as testing.patched(_unseen, object.union(_list_unread, {
		"/shares": {"user": {"view": {"rights": ["write"]}}},
	}))
}

test_fail_fix_shares_the_view_of_the_configured_owner if {
	namesake := object.union(testing.view, {"owner_id": "somebody", "seen_by": ["auditor"]})
	shared.findings == {
		_not_shared(["a", "view"], "view", _jane),
	} with input as testing.patched(_unseen, {"/views/a": namesake})
}

test_fail_but_another_view_of_the_configured_owner_is_ignored if {
	shared.findings == {
		_not_shared(["view"], "view", _jane),
	} with input as testing.patched(_unseen, {"/views/a": object.union(testing.view, {"name": "Another"})})
}

test_fail_fix_shares_the_first_view_without_a_configured_owner if {
	namesake := object.union(testing.view, {"owner_id": "somebody", "seen_by": ["auditor"]})
	shared.findings == {
		_not_shared(["a", "view"], "a", {"id": "somebody"}),
	} with input as testing.patched(_unseen, {
		"/views/a": namesake,
		"/requirement/views/0/owner": "",
	})
}

test_fail_not_visible if {
	shared.findings == {_not_visible} with input as _gone
	shared.unknown == set() with input as _gone
}

test_fail_not_visible_of_no_owner if {
	shared.findings == {
		object.union(_not_visible, {"fix": {"owner": {"name": ""}}}),
	} with input as testing.patched(_gone, {"/requirement/views/0/owner": ""})
}

test_fail_each_view_separately if {
	required := [
		{"name": "Demandbase Accounts", "owner": "", "table": "account"},
		{"name": "Nobody's", "owner": "", "table": "lead"},
	]
	found := shared.findings with input as testing.changed({"/requirement/views": required})
	{finding.subject | some finding in found} == {
		{"kind": "required-view", "id": "", "name": "Nobody's", "table": "lead"},
	}
}

test_unknown_if_no_identity_sees_the_view if {
	snapshot := testing.patched(_gone, _list_unread)
	shared.findings == set() with input as snapshot
	shared.unknown == {
		"the views that the integration user sees were not read: impersonation is refused",
	} with input as snapshot
}

test_unknown_if_the_shares_were_not_read_either if {
	snapshot := testing.patched(_unseen, object.union(_list_unread, {"/coverage/shares/state": "failed"}))
	shared.findings == set() with input as snapshot
	shared.unknown == {
		"the views that the integration user sees were not read: impersonation is refused",
	} with input as snapshot
}

test_unknown_if_it_could_be_a_system_view if {
	snapshot := testing.patched(_gone, {"/coverage/system_views": {"state": "failed", "detail": "timeout"}})
	shared.findings == set() with input as snapshot
	shared.unknown == {"the system views were not read: timeout"} with input as snapshot
}

test_not_applicable_without_user_or_requirement if {
	nothing := testing.changed({"/requirement/views": []})
	shared.findings == set() with input as nothing
	shared.findings == set() with input as testing.no_user
	no_user := "there is no single integration user to judge, see DB-USER-EXISTS"
	none := "the configuration requires no view"
	shared.not_applicable == {none} with input as nothing
	shared.not_applicable == {no_user} with input as testing.no_user
	shared.not_applicable == {none, no_user} with input as testing.without(nothing, ["/users/user"])
}

test_unknown_if_the_system_views_were_not_read if {
	snapshot := testing.changed({
		"/coverage/system_views/state": "forbidden",
		"/coverage/system_views/detail": "prvReadQuery is missing",
	})
	shared.findings == set() with input as snapshot
	shared.unknown == {"the system views were not read: prvReadQuery is missing"} with input as snapshot
}

test_success_owned_by_a_team_of_the_users_with_a_note if {
	snapshot := testing.changed({"/views/view/owner_id": "team", "/shares": {}})
	shared.findings == set() with input as snapshot
	shared.notes == {concat(" ", [
		`"Demandbase Accounts" is owned by the team "Contoso"; the user "# Demandbase" is a member,`,
		"so no share is needed",
	])} with input as snapshot
}

test_fail_owned_by_a_team_but_not_seen if {
	found := shared.findings with input as testing.patched(_unseen, {"/views/view/owner_id": "team"})
	count(found) == 1
}

test_note_system_view_if_personal_views_were_not_read if {
	snapshot := testing.patched(_gone, object.union(_list_unread, {
		"/system_views/system": testing.system_view,
		"/requirement/views/0/owner": "",
	}))
	shared.findings == set() with input as snapshot
	shared.unknown == set() with input as snapshot
	concat("", [
		`"Demandbase Accounts" is met by a system view; it is unknown whether the user also sees a personal view `,
		"of that name",
	]) in shared.notes with input as snapshot
}

test_note_a_view_of_another_owner_is_not_the_configured_one if {
	namesake := object.union(testing.view, {"owner_id": "bob", "seen_by": ["integration-user"]})
	snapshot := testing.patched(_unseen, {
		"/views/namesake": namesake,
		"/shares/user": {"namesake": {"rights": ["read"]}},
	})
	shared.findings == set() with input as snapshot
	shared.notes == {concat(" ", [
		`"Demandbase Accounts" is met by a view of that name, but not by the one of its configured owner`,
		`"jane@contoso.com": check which one is synchronized`,
	])} with input as snapshot
	shared.notes == set() with input as testing.patched(snapshot, {"/requirement/views/0/owner": "nobody@contoso.com"})
}
