package dbaudit.integration_test

import data.dbaudit.integration
import data.dbaudit.testing

test_directly_assigned_roles if {
	integration.principals == {"user", "team"} with input as testing.snapshot
	integration.direct_roles == {"role"} with input as testing.snapshot
	integration.team_roles == set() with input as testing.snapshot
	integration.ways == {"role": {"assigned to the user"}} with input as testing.snapshot
}

test_roles_assigned_through_a_team if {
	snapshot := testing.changed({"/users/user/roles": [], "/teams/team/roles": ["role"]})
	integration.direct_roles == set() with input as snapshot
	integration.assigned_copies == {"role"} with input as snapshot
	integration.assigned == set() with input as snapshot
	integration.teams == {"role": {"team"}} with input as snapshot
	integration.ways == {"role": {`through the team "Contoso"`}} with input as snapshot
}

test_role_of_another_team_is_not_assigned if {
	others := object.union(testing.team, {"name": "Sales", "roles": ["role"]})
	integration.assigned_copies == set() with input as testing.changed({"/users/user/roles": [], "/teams/others": others})

	snapshot := testing.changed({"/teams/team/roles": ["role"], "/teams/others": others})
	integration.teams == {"role": {"team"}} with input as snapshot
	integration.ways == {"role": {"assigned to the user", `through the team "Contoso"`}} with input as snapshot
}

test_copy_of_another_unit_has_no_effect_if_ownership_across_units_is_off if {
	snapshot := testing.patched(_elsewhere("root"), {"/organization/ownership_across_business_units": "off"})
	integration.assigned_copies == set() with input as snapshot
	integration.ways == {} with input as snapshot
}

test_copy_of_another_unit_is_uncertain_if_the_setting_was_not_read if {
	snapshot := testing.patched(_elsewhere("root"), {
		"/organization/ownership_across_business_units": "unknown",
		"/requirement/depth": {"prvReadAccount": "basic"},
	})
	uncertain := integration.uncertain_grants with input as snapshot
	uncertain.prvReadAccount == {
		`the role "Demandbase Integration" is assigned as another business unit's copy, and the record-ownership setting was not read`,
	}
	integration.uncertain_grants == {} with input as _elsewhere("root")
}

test_team_copy_of_another_unit_is_uncertain_if_the_setting_was_not_read if {
	uncertain := integration.uncertain_grants with input as testing.patched(_elsewhere("root"), {
		"/organization/ownership_across_business_units": "unknown",
		"/users/user/roles": [],
		"/teams/team/business_unit_id": "child",
		"/teams/team/roles": ["copy"],
	})
	uncertain.prvReadLead
}

test_certainly_assigned_role_is_not_uncertain if {
	snapshot := testing.changed({"/teams/team/roles": ["role"], "/coverage/business_units/state": "forbidden"})
	integration.uncertain_roles == {} with input as snapshot
	integration.uncertain_grants == {} with input as snapshot
}

test_team_of_a_disabled_business_unit_has_no_effect if {
	snapshot := testing.changed({
		"/users/user/roles": [],
		"/teams/team/roles": ["role"],
		"/business_units/root/disabled": true,
	})
	integration.ineffective_teams == {"team"} with input as snapshot
	integration.effective_teams == set() with input as snapshot
	integration.principals == {"user"} with input as snapshot
	integration.assigned_copies == set() with input as snapshot
}

test_team_role_is_uncertain_if_its_business_unit_was_not_read if {
	snapshot := testing.changed({
		"/users/user/roles": [],
		"/teams/team/roles": ["role"],
		"/coverage/business_units/state": "forbidden",
	})
	integration.uncertain_teams == {"team"} with input as snapshot
	uncertain := integration.uncertain_grants with input as snapshot
	object.keys(uncertain) == testing.minimum
}
