package dbaudit.rules.view["least-access_test"]

import data.dbaudit.rules.view["least-access"] as least_access
import data.dbaudit.testing

_user := {"kind": "systemuser", "id": "user", "name": "# Demandbase"}

_team := {"kind": "team", "id": "team", "name": "Contoso"}

_finding(surplus, principals) := {
	"control": "DB-VIEW-LEAST-ACCESS",
	"message": sprintf(`the view "Demandbase Accounts" is shared with more than Read: %s`, [concat(", ", surplus)]),
	"subject": {"kind": "view", "id": "view", "name": "Demandbase Accounts"},
	"evidence": {"surplus": surplus, "principals": [principal.name | some principal in principals]},
	"fix": {
		"kind": "reduce-share",
		"view": {"id": "view", "name": "Demandbase Accounts"},
		"owner": {"kind": "systemuser", "id": "jane", "name": "Jane"},
		"principals": principals,
	},
}

_shared(shares) := testing.changed({"/shares": shares})

test_success_read_only if {
	least_access.findings == set() with input as testing.snapshot
	least_access.not_applicable == set() with input as testing.snapshot
}

test_success_no_share if {
	least_access.findings == set() with input as _shared({})
}

test_success_somebody_else_has_more if {
	least_access.findings == set() with input as _shared({"jane": {"view": {"rights": ["read", "write"]}}})
}

test_fail_the_user_has_more if {
	least_access.findings == {
		_finding(["share", "write"], [_user]),
	} with input as _shared({"user": {"view": {"rights": ["read", "write", "share"]}}})
}

test_fail_user_has_other_privileges if {
	least_access.findings == {
		_finding(["other"], [_user]),
	} with input as _shared({"user": {"view": {"rights": ["other"]}}})
}

test_fail_only_principals_of_the_user_are_named if {
	least_access.findings == {
		_finding(["write"], [_user]),
	} with input as _shared({
		"user": {"view": {"rights": ["read", "write"]}},
		"jane": {"view": {"rights": ["read", "delete"]}},
	})
}

test_fail_a_team_has_more if {
	least_access.findings == {
		_finding(["write"], [_team]),
	} with input as _shared({
		"user": {"view": {"rights": ["read"]}},
		"team": {"view": {"rights": ["read", "write"]}},
	})
}

test_fail_one_finding_for_user_and_team if {
	least_access.findings == {
		_finding(["delete", "write"], [_team, _user]),
	} with input as _shared({
		"user": {"view": {"rights": ["read", "delete"]}},
		"team": {"view": {"rights": ["read", "write"]}},
	})
}

test_fail_unseen_view if {
	least_access.findings == {{
		"control": "DB-VIEW-LEAST-ACCESS",
		"message": `the view "hidden" is shared with more than Read: write`,
		"subject": {"kind": "view", "id": "hidden", "name": "hidden"},
		"evidence": {"surplus": ["write"], "principals": ["# Demandbase"]},
		"fix": {
			"kind": "reduce-share",
			"view": {"id": "hidden", "name": "hidden"},
			"principals": [_user],
		},
	}} with input as _shared({"user": {"hidden": {"rights": ["read", "write"]}}})
}

test_not_applicable_without_a_user if {
	least_access.findings == set() with input as testing.no_user
	least_access.not_applicable == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
}

test_unknown_if_the_shares_are_incomplete if {
	least_access.unknown == set() with input as testing.snapshot
	pieced := testing.changed({"/coverage/shares/detail": "pieced together"})
	least_access.unknown == {"pieced together"} with input as pieced
}
