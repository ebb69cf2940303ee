package dbaudit.views_test

import data.dbaudit.testing
import data.dbaudit.views

# The required view, which only its owner sees.
_unseen := testing.changed({"/views/view/seen_by": ["owner"], "/shares": {}})

# The list of the integration user could not be read.
_list_unread := testing.patched(_unseen, {
	"/coverage/user_views": {"state": "forbidden", "detail": "prvActOnBehalfOfAnotherUser is missing"},
})

_list_reason := "the views that the integration user sees were not read: prvActOnBehalfOfAnotherUser is missing"

# No identity sees a personal view of the name.
_gone := testing.without(testing.snapshot, ["/views/view", "/shares/user"])

_owner_unread := {"/coverage/views": {"state": "failed", "detail": "jane@contoso.com is disabled"}}

_system_unread := {"/coverage/system_views": {"state": "forbidden", "detail": "prvReadQuery is missing"}}

test_views_are_found_by_table_and_name_in_any_case if {
	snapshot := testing.changed({
		"/requirement/views": [{"name": "DEMANDBASE accounts", "owner": "", "table": "Account"}],
		"/views/namesake": testing.view,
		"/views/other-table": object.union(testing.view, {"table": "contact"}),
		"/views/other-name": object.union(testing.view, {"name": "Demandbase Accounts 2"}),
		"/system_views/system": testing.system_view,
		"/system_views/other-table": object.union(testing.system_view, {"table": "contact"}),
		"/system_views/other-name": object.union(testing.system_view, {"name": "Active Accounts"}),
	})
	views.found == {0: {"view", "namesake"}} with input as snapshot
	views.system_views == {0: {"system"}} with input as snapshot
}

test_seen_shared_and_owned_views_are_readable if {
	views.satisfied == {0} with input as testing.snapshot
	views.readable == {"view"} with input as testing.snapshot
	views.satisfied == set() with input as _unseen
	views.undecided == {} with input as _unseen

	owned := testing.without(testing.changed({"/views/view/owner_id": "user"}), ["/shares/user"])
	views.readable == {"view"} with input as owned
	a_teams := testing.without(testing.changed({"/views/view/owner_id": "team"}), ["/shares/user"])
	views.readable == {"view"} with input as a_teams
}

test_shared_or_owned_view_missing_in_the_list_is_contradicted if {
	lacking := {0: {`the view "Demandbase Accounts" belongs to the user or is shared with it, but is not in its own list`}}
	shared := testing.patched(_unseen, {"/shares/user": {"view": {"rights": ["read"]}}})
	views.readable == set() with input as shared
	views.undecided == lacking with input as shared
	views.undecided == lacking with input as testing.patched(_unseen, {"/views/view/owner_id": "user"})
}

test_unexplained_view_in_the_list_is_contradicted if {
	snapshot := testing.changed({"/shares/user": {}})
	views.readable == set() with input as snapshot
	views.undecided == {0: {concat(" ", [
		`the user sees the view "Demandbase Accounts",`,
		"but neither it nor its teams own it, and no share explains this",
	])}} with input as snapshot
	views.readable == {"view"} with input as testing.patched(snapshot, {"/coverage/shares/state": "forbidden"})
}

test_share_of_an_unseen_view_may_be_of_the_required_one if {
	hidden := testing.patched(_gone, {"/shares/user": {"hidden": {"rights": ["read"]}}})
	views.undecided == {0: {"the view \"hidden\" belongs to the user or is shared with it, but is not in its own list"}} with input as hidden
	views.undecided == {} with input as testing.patched(hidden, {"/shares/user/hidden/rights": ["write"]})
}

test_share_with_read_decides_without_the_list if {
	views.satisfied == {0} with input as testing.patched(_list_unread, {
		"/shares/user": {"view": {"rights": ["read", "write"]}},
	})
	views.satisfied == {0} with input as testing.patched(_list_unread, {
		"/shares/team": {"view": {"rights": ["read"]}},
	})
}

test_missing_share_decides_without_the_list if {
	no_read := testing.patched(_list_unread, {"/shares/user": {"view": {"rights": ["write"]}}})
	views.satisfied == set() with input as no_read
	views.undecided == {} with input as no_read

	somebody_elses := testing.patched(_list_unread, {"/shares/jane": {"view": {"rights": ["read"]}}})
	views.satisfied == set() with input as somebody_elses
	views.undecided == {} with input as somebody_elses
}

test_ownership_decides_without_the_list if {
	views.satisfied == {0} with input as testing.patched(_list_unread, {"/views/view/owner_id": "user"})
	views.satisfied == {0} with input as testing.patched(_list_unread, {"/views/view/owner_id": "team"})
}

test_found_view_is_undecided_without_list_and_shares if {
	snapshot := testing.patched(_list_unread, {"/coverage/shares/state": "forbidden"})
	views.undecided == {0: {_list_reason}} with input as snapshot
	views.unseen == set() with input as snapshot
	views.own_list_unread == {_list_reason} with input as snapshot
}

test_ownership_decides_without_list_and_shares if {
	snapshot := testing.patched(_list_unread, {
		"/coverage/shares/state": "forbidden",
		"/views/view/owner_id": "team",
	})
	views.undecided == {} with input as snapshot
	views.satisfied == {0} with input as snapshot
}

test_unseen_view_is_undecided_without_the_list if {
	snapshot := testing.without(_list_unread, ["/views/view"])
	views.undecided == {0: {_list_reason}} with input as snapshot
	views.unseen == {0} with input as snapshot
}

test_unseen_view_is_decided_with_the_list if {
	views.undecided == {} with input as _gone
	views.satisfied == set() with input as _gone
	views.unseen == set() with input as _gone
	views.own_list_unread == set() with input as _gone
}

# A section that was not read needs no reason to count as unread.
test_section_without_coverage_has_a_reason if {
	views.undecided == {0: {
		"the views that the integration user sees were not read",
		"the system views were not read",
	}} with input as testing.patched(_gone, {
		"/coverage": {},
		"/requirement/views/0/owner": "",
	})
	views.undecided == {0: {
		"the personal views of the configured owners were not read",
	}} with input as testing.patched(testing.without(_gone, ["/coverage/views"]), {
		"/system_views/system": testing.system_view,
	})
}

test_system_view_needs_no_share if {
	snapshot := testing.patched(_gone, {"/system_views/system": testing.system_view})
	views.met_by_system_view == {0} with input as snapshot
	views.satisfied == {0} with input as snapshot
	views.met_by_system_view == {0} with input as testing.patched(snapshot, {
		"/coverage/user_views/state": "forbidden",
		"/coverage/shares/state": "forbidden",
	})
}

test_readable_personal_view_takes_precedence_over_a_system_view if {
	snapshot := testing.changed({
		"/system_views/system": testing.system_view,
		"/requirement/views/0/owner": "",
	})
	views.met_by_system_view == set() with input as snapshot
	views.satisfied == {0} with input as snapshot
	views.usable == {0: {"view"}} with input as snapshot
}

test_system_view_meets_a_requirement_without_an_owner if {
	views.met_by_system_view == {0} with input as testing.patched(_unseen, {
		"/system_views/system": testing.system_view,
		"/requirement/views/0/owner": "",
	})
}

test_configured_owner_requires_a_personal_view if {
	snapshot := testing.patched(_unseen, {"/system_views/system": testing.system_view})
	views.met_by_system_view == set() with input as snapshot
	views.satisfied == set() with input as snapshot
	views.undecided == {} with input as snapshot
}

test_personal_view_of_an_unread_owner_may_exist if {
	snapshot := testing.patched(
		testing.patched(_gone, {"/system_views/system": testing.system_view}),
		_owner_unread,
	)
	views.satisfied == set() with input as snapshot
	views.undecided == {0: {concat(" ", [
		"the personal views of the configured owners were not read:",
		"jane@contoso.com is disabled",
	])}} with input as snapshot
	views.unseen == {0} with input as snapshot

	unowned := testing.patched(snapshot, {"/requirement/views/0/owner": ""})
	views.met_by_system_view == {0} with input as unowned
	views.undecided == {} with input as unowned
}

# A view that no identity sees is not visible, if the integration user's own list was read.
test_view_is_not_visible_if_its_owner_was_not_read if {
	snapshot := testing.patched(_gone, _owner_unread)
	views.undecided == {} with input as snapshot
	views.satisfied == set() with input as snapshot
}

test_possible_system_view_is_undecided_without_the_system_views if {
	reasons := {0: {"the system views were not read: prvReadQuery is missing"}}
	nobody_named := object.union(_system_unread, {"/requirement/views/0/owner": ""})
	views.undecided == reasons with input as testing.patched(_gone, nobody_named)
	views.undecided == reasons with input as testing.patched(_unseen, nobody_named)
	views.undecided == {} with input as testing.patched(testing.snapshot, nobody_named)
}

test_found_view_with_an_owner_is_decided_without_the_system_views if {
	views.undecided == {} with input as testing.patched(_unseen, _system_unread)
	views.undecided == {
		0: {"the system views were not read: prvReadQuery is missing"},
	} with input as testing.patched(_gone, _system_unread)
}

test_required_views_are_judged_separately if {
	snapshot := testing.changed({"/requirement/views": [
		{"name": "Demandbase Accounts", "owner": "", "table": "account"},
		{"name": "Nobody's", "owner": "", "table": "account"},
	]})
	views.satisfied == {0} with input as snapshot
	views.undecided == {} with input as snapshot
	views.undecided == {1: {_list_reason}} with input as testing.patched(snapshot, {
		"/coverage/user_views": {"state": "forbidden", "detail": "prvActOnBehalfOfAnotherUser is missing"},
	})
}

test_two_views_of_one_name_are_met_by_either if {
	snapshot := testing.patched(_unseen, {
		"/views/namesake": object.union(testing.view, {
			"owner_id": "bob",
			"seen_by": ["integration-user"],
		}),
		"/shares/user": {"namesake": {"rights": ["read"]}},
	})
	views.found == {0: {"view", "namesake"}} with input as snapshot
	views.usable == {0: {"namesake"}} with input as snapshot
	views.satisfied == {0} with input as snapshot
}

test_owners_are_users_teams_or_not_known if {
	views.owners == {
		"view": {"kind": "systemuser", "id": "jane", "name": "Jane"},
		"team's": {"kind": "team", "id": "team", "name": "Contoso"},
		"bob's": {"id": "bob"},
		"ann's": {"kind": "systemuser", "id": "ann"},
		"sales'": {"kind": "team", "id": "sales"},
	} with input as testing.changed({
		"/views/team's": object.union(testing.view, {"owner_id": "team"}),
		"/views/bob's": object.union(testing.view, {"owner_id": "bob"}),
		"/views/ann's": object.union(testing.view, {"owner_id": "ann", "owner_type": "systemuser"}),
		"/views/sales'": object.union(testing.view, {"owner_id": "sales", "owner_type": "team"}),
	})
}

test_why_rules_on_required_views_do_not_apply if {
	views.no_subject == set() with input as testing.snapshot
	views.no_subject == {
		"the configuration requires no view",
	} with input as testing.changed({"/requirement/views": []})
	views.no_subject == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
}

test_view_of_a_team_is_readable_without_a_list if {
	owned := {"/views/view/owner_id": "team"}
	views.owned_by_team == {"view": "team"} with input as testing.patched(_unseen, owned)
	views.readable == set() with input as testing.patched(_unseen, owned)
	views.readable == {"view"} with input as testing.patched(_list_unread, owned)
	views.readable == set() with input as testing.patched(_list_unread, object.union(owned, {
		"/business_units/root/disabled": true,
	}))
}

test_view_of_a_team_of_an_unread_business_unit_is_undecided if {
	unread := {"/coverage/business_units": {"state": "forbidden", "detail": "prvReadBusinessUnit"}}
	reason := `it is unknown whether the business unit of the team "Contoso" is disabled: prvReadBusinessUnit`
	shared := testing.patched(_list_unread, {"/shares/team": {"view": {"rights": ["read"]}}})
	views.undecided == {0: {reason}} with input as testing.patched(shared, unread)
	views.undecided == {} with input as shared
	views.undecided == {
		0: {`it is unknown whether the business unit of the team "Contoso" is disabled`},
	} with input as testing.without(shared, ["/coverage/business_units"])

	owned := testing.patched(_list_unread, {"/views/view/owner_id": "team"})
	views.undecided == {0: {reason}} with input as testing.patched(owned, unread)
}

test_system_view_does_not_exclude_a_personal_one if {
	system := testing.patched(_gone, {"/system_views/system": testing.system_view, "/requirement/views/0/owner": ""})
	views.uncertain_system_views == set() with input as system
	views.uncertain_system_views == {0} with input as testing.patched(system, {"/coverage/user_views/state": "forbidden"})
}
