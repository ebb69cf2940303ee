package dbaudit.rules.view.active_test

import data.dbaudit.rules.view.active
import data.dbaudit.testing

_inactive := testing.changed({"/views/view/active": false})

# No identity sees a personal view of the name.
_gone := testing.without(testing.snapshot, ["/views/view", "/shares/user"])

_list_unread := {"/coverage/user_views": {"state": "forbidden", "detail": "impersonation is refused"}}

_finding(id, owner) := {
	"control": "DB-VIEW-ACTIVE",
	"message": `the view "Demandbase Accounts" of the table account is deactivated`,
	"subject": {"kind": "view", "id": id, "name": "Demandbase Accounts", "table": "account"},
	"evidence": {"active": false, "table": "account"},
	"fix": {
		"kind": "activate-view",
		"table": "account",
		"view": {"id": id, "name": "Demandbase Accounts"},
		"owner": owner,
	},
}

_jane := {"kind": "systemuser", "id": "jane", "name": "Jane"}

_system_finding(id) := {
	"control": "DB-VIEW-ACTIVE",
	"message": `the system view "Demandbase Accounts" of the table account is deactivated`,
	"subject": {"kind": "view", "id": id, "name": "Demandbase Accounts", "table": "account"},
	"evidence": {"active": false, "table": "account"},
	"fix": {
		"kind": "activate-view",
		"table": "account",
		"view": {"id": id, "name": "Demandbase Accounts"},
	},
}

_inactive_system := object.union(testing.system_view, {"active": false})

test_success_active if {
	active.findings == set() with input as testing.snapshot
	active.not_applicable == set() with input as testing.snapshot
	active.unknown == set() with input as testing.snapshot
}

test_success_another_view_is_deactivated if {
	active.findings == set() with input as testing.changed({"/views/other": object.union(testing.view, {
		"active": false,
		"name": "Other",
	})})
}

test_fail_deactivated if {
	active.findings == {_finding("view", _jane)} with input as _inactive
}

test_fail_deactivated_and_not_shared if {
	active.findings == {
		_finding("view", _jane),
	} with input as testing.patched(_inactive, {"/views/view/seen_by": ["owner"]})
}

test_success_the_user_reads_an_active_namesake if {
	active.findings == set() with input as testing.changed({"/views/namesake": object.union(testing.view, {
		"active": false,
		"seen_by": ["auditor"],
	})})
}

test_fail_a_namesake_that_the_user_reads_is_deactivated if {
	active.findings == {
		_finding("namesake", {"kind": "team", "id": "team", "name": "Contoso"}),
	} with input as testing.changed({"/views/namesake": object.union(testing.view, {
		"active": false,
		"owner_id": "team",
	})})
}

test_fail_deactivated_system_view if {
	snapshot := testing.patched(_gone, {"/system_views/system": _inactive_system})
	active.findings == {_system_finding("system")} with input as snapshot
	active.not_applicable == set() with input as snapshot
	active.unknown == set() with input as snapshot
	active.findings == {
		_system_finding("system"),
		_system_finding("twin"),
	} with input as testing.patched(snapshot, {"/system_views/twin": _inactive_system})
}

test_fail_only_the_system_view_that_meets_it if {
	active.findings == {_system_finding("system")} with input as testing.patched(_gone, {
		"/system_views/system": _inactive_system,
		"/system_views/another": object.union(_inactive_system, {"name": "Another"}),
		"/system_views/active": object.union(testing.system_view, {"name": "Active"}),
	})
}

test_success_one_system_view_of_the_name_is_active if {
	active.findings == set() with input as testing.patched(_gone, {
		"/system_views/system": _inactive_system,
		"/system_views/twin": testing.system_view,
	})
}

test_success_deactivated_system_view_is_not_required if {
	active.findings == set() with input as testing.changed({"/system_views/system": _inactive_system})
}

test_success_deactivated_personal_view_is_not_required if {
	active.findings == set() with input as testing.patched(_inactive, {
		"/requirement/views/0/owner": "",
		"/views/view/seen_by": ["auditor"],
		"/shares": {},
		"/system_views/system": testing.system_view,
	})
}

# If no view is required, the views that are shared with the user are judged.
_none_required := {"/requirement/views": []}

test_success_no_view_required if {
	active.findings == set() with input as testing.changed(_none_required)
	active.not_applicable == set() with input as testing.changed(_none_required)
	active.unknown == set() with input as testing.changed(_none_required)
}

test_fail_deactivated_shared_view_if_no_view_is_required if {
	active.findings == {_finding("view", _jane)} with input as testing.patched(_inactive, _none_required)
}

test_success_deactivated_own_view_if_no_view_is_required if {
	active.findings == set() with input as testing.patched(
		_inactive,
		object.union(_none_required, {"/views/view/owner_id": "user"}),
	)
	active.findings == set() with input as testing.patched(
		_inactive,
		object.union(_none_required, {"/views/view/owner_id": "team"}),
	)
}

test_unknown_list_not_read_if_no_view_is_required if {
	active.unknown == {
		"the views that the integration user sees were not read: impersonation is refused",
	} with input as testing.changed(object.union(_none_required, _list_unread))
}

test_fail_deactivated_view_of_a_share_if_no_view_is_required if {
	active.findings == {
		_finding("view", _jane),
	} with input as testing.patched(_inactive, object.union(_none_required, _list_unread))
}

test_unknown_if_no_identity_sees_the_required_view if {
	snapshot := testing.patched(_gone, _list_unread)
	active.findings == set() with input as snapshot
	active.not_applicable == set() with input as snapshot
	active.unknown == {
		"the views that the integration user sees were not read: impersonation is refused",
	} with input as snapshot
}

test_success_active_view_with_undecided_share if {
	snapshot := testing.patched(testing.snapshot, object.union(_list_unread, {
		"/views/view/seen_by": ["owner"],
		"/shares": {},
		"/coverage/shares/state": "failed",
	}))
	active.findings == set() with input as snapshot
	active.unknown == set() with input as snapshot
}

test_not_applicable_if_no_required_view_was_found if {
	active.findings == set() with input as _gone
	active.unknown == set() with input as _gone
	active.not_applicable == {"no required view was found, see DB-VIEW-SHARED"} with input as _gone
}

test_success_only_found_views_are_judged if {
	snapshot := testing.changed({"/requirement/views/1": {"name": "Nobody's", "owner": "", "table": "lead"}})
	active.findings == set() with input as snapshot
	active.not_applicable == set() with input as snapshot
	active.unknown == set() with input as snapshot
}

test_not_applicable_without_a_user if {
	active.findings == set() with input as testing.no_user
	active.findings == set() with input as testing.without(_inactive, ["/users/user"])
	active.findings == set() with input as testing.patched(testing.without(_gone, ["/users/user"]), {
		"/system_views/system": _inactive_system,
	})
	active.not_applicable == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
}

test_unknown_system_view_if_personal_views_were_not_read if {
	reason := concat(" ", [
		`"Demandbase Accounts" is a system view, and there may be a personal view of that name;`,
		"the views that the integration user sees were not read: impersonation is refused",
	])
	blind := testing.patched(_gone, object.union(_list_unread, {"/requirement/views/0/owner": ""}))
	every system in [testing.system_view, _inactive_system] {
		snapshot := testing.patched(blind, {"/system_views/system": system})
		active.findings == set() with input as snapshot
		active.not_applicable == set() with input as snapshot
		active.unknown == {reason} with input as snapshot
	}
}

test_unknown_whether_a_deactivated_view_is_the_users if {
	snapshot := testing.patched(_inactive, {"/requirement/views": [], "/shares/user": {}})
	active.findings == set() with input as snapshot
	count(active.unknown) == 1 with input as snapshot
	active.unknown == set() with input as testing.patched(snapshot, {"/views/view/active": true})
}
