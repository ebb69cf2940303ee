package dbaudit.profile_test

import data.dbaudit.profile
import data.dbaudit.testing

# The smallest valid profile of another vendor.
_other := {
	"pattern": "",
	"controls": [
		{"id": "X-1", "rule": "role/privileges", "privileges": ["prvReadAccount", "prvReadContact"], "table": "account"},
		{"id": "X-3", "rule": "role/privileges", "privileges": ["prvReadAccount"], "table": "contact"},
		{"id": "X-2", "rule": "user/enabled"},
	],
}

test_current_is_the_profile_that_the_snapshot_names if {
	profile.current == testing.profile with input as testing.snapshot
	not profile.current with input as testing.changed({"/requirement/profile": "nobody's"})
}

test_controls_by_rule if {
	profile.controls == {
		"role/privileges": {_other.controls[0], _other.controls[1]},
		"user/enabled": {_other.controls[2]},
	} with input as testing.snapshot
		with data.profiles.demandbase as _other
}

test_minimum_names_each_privilege_once if {
	profile.minimum == {"prvReadAccount", "prvReadContact"} with input as testing.snapshot
		with data.profiles.demandbase as _other
	profile.minimum == testing.minimum with input as testing.snapshot
}

test_accepted_contains_required_and_allowed_privileges if {
	profile.accepted(["prvReadTask"]) == {
		"prvreadaccount",
		"prvreadcontact",
		"prvreadnote",
		"prvreadtask",
	} with input as testing.snapshot
		with data.profiles.demandbase as object.union(_other, {"allow": ["prvReadNote"]})
}

test_see_names_the_controls_of_a_rule if {
	profile.see("role/privileges") == ", see X-1, X-3" with input as testing.snapshot
		with data.profiles.demandbase as _other
	profile.see("user/exists") == "" with input as testing.snapshot
		with data.profiles.demandbase as _other
	profile.see("user/exists") == ", see DB-USER-EXISTS" with input as testing.snapshot
}

test_pattern_matches_in_any_case if {
	profile.matches_pattern("# DemandBASE Integration") with input as testing.snapshot
	not profile.matches_pattern("Demand Base") with input as testing.snapshot
}

test_empty_pattern_matches_nothing if {
	not profile.matches_pattern("anything") with input as testing.snapshot
		with data.profiles.demandbase as _other
}
