package dbaudit.integration_test

import data.dbaudit.integration
import data.dbaudit.testing

# A requirement that names neither a user nor a role.
_unnamed := testing.changed({"/requirement/application_id": "", "/requirement/role": ""})

# A second application user, with the same application id.
_twin := object.union(testing.application_user, {"name": "# Demandbase 2"})

# A second custom role that grants the minimum.
_other := object.union(testing.role, {"name": "Sync", "root_id": "other"})

# A built-in role.
_built_in := object.union(testing.role, {"name": "Basic User", "root_id": "basic", "template_id": "template"})

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

test_the_configured_role_in_any_case if {
	snapshot := testing.changed({"/requirement/role": "DEMANDBASE integration"})
	integration.role == "role" with input as snapshot
	integration.role_name == "Demandbase Integration" with input as snapshot
	integration.role_reference == {"id": "role", "name": "Demandbase Integration"} with input as snapshot
	integration.required_role_name == "DEMANDBASE integration" with input as snapshot
}

test_only_the_configured_role_is_a_candidate if {
	snapshot := testing.changed({"/requirement/role": "Other"})
	not integration.role with input as snapshot
	integration.no_role == {"there is no integration role to judge, see DB-ROLE-EXISTS"} with input as snapshot
	integration.no_role == set() with input as testing.snapshot
}

test_the_configured_role_may_be_built_in if {
	integration.role == "basic" with input as testing.changed({
		"/requirement/role": "Basic User",
		"/roles/basic": _built_in,
	})
}

test_assigned_role_of_the_configured_name_is_chosen if {
	snapshot := testing.changed({
		"/requirement/role": "Demandbase Integration",
		"/roles/held": object.union(testing.role, {"root_id": "held"}),
		"/role_privileges/held": {"prvReadLead": "global"},
		"/users/user/roles": ["held"],
	})
	integration.role == "held" with input as snapshot
}

test_the_copy_in_a_business_unit_stands_for_its_root if {
	snapshot := testing.changed({
		"/organization/ownership_across_business_units": "on",
		"/roles/copy": object.union(testing.role, {"business_unit_id": "child"}),
		"/users/user/roles": ["copy"],
	})
	integration.role == "role" with input as snapshot
	integration.ways == {"role": {"assigned to the user"}} with input as snapshot
	integration.granted == _minimum with input as snapshot
	integration.names == {"role": {"Demandbase Integration"}} with input as snapshot
}

test_assigned_custom_role_that_grants_most_is_chosen if {
	snapshot := testing.patched(_unnamed, {
		"/roles/other": _other,
		"/role_privileges/other": {"prvReadAccount": "global"},
		"/users/user/roles": ["other", "role"],
	})
	integration.role == "role" with input as snapshot
	integration.role_undecided == set() with input as snapshot
	integration.candidates == {"role", "other"} with input as snapshot
}

test_assigned_role_takes_precedence_over_a_matching_name if {
	snapshot := testing.patched(_unnamed, {
		"/roles/other": _other,
		"/role_privileges/other": {"prvReadAccount": "basic"},
		"/users/user/roles": ["other"],
	})
	integration.role == "other" with input as snapshot
	integration.candidates == {"other"} with input as snapshot
}

test_matching_name_takes_precedence_over_an_assigned_role_without_grants if {
	snapshot := testing.patched(_unnamed, {
		"/roles/other": _other,
		"/role_privileges/other": {"prvReadSdkMessage": "global"},
		"/users/user/roles": ["other"],
	})
	integration.role == "role" with input as snapshot
}

test_assigned_role_without_grants_is_chosen_last if {
	snapshot := testing.patched(_unnamed, {
		"/roles/role/name": "Sync",
		"/role_privileges/role": {},
	})
	integration.role == "role" with input as snapshot
	not integration.role with input as testing.patched(snapshot, {"/users/user/roles": []})
}

test_built_in_role_is_not_a_candidate if {
	snapshot := testing.patched(testing.without(_unnamed, ["/roles/role"]), {
		"/roles/basic": object.union(_built_in, {"name": "Demandbase"}),
		"/role_privileges/basic": testing.grants,
		"/users/user/roles": ["basic"],
	})
	integration.candidates == set() with input as snapshot
	not integration.role with input as snapshot
}

test_matching_role_that_grants_most_is_chosen if {
	snapshot := testing.patched(_unnamed, {
		"/users/user/roles": [],
		"/roles/a": object.union(testing.role, {"name": "Demandbase (old)", "root_id": "a"}),
		"/role_privileges/a": {"prvReadAccount": "global"},
	})
	integration.candidates == {"a", "role"} with input as snapshot
	integration.role == "role" with input as snapshot
}

test_sufficient_depth_takes_precedence_over_number if {
	snapshot := testing.patched(_unnamed, {
		"/users/user/roles": [],
		"/roles/a": object.union(testing.role, {"name": "Demandbase (deep)", "root_id": "a"}),
		"/role_privileges/a": {"prvReadAccount": "global"},
		"/role_privileges/role": {"prvReadAccount": "basic", "prvReadContact": "basic", "prvReadLead": "basic"},
	})
	integration.role == "a" with input as snapshot
}

test_number_of_privileges_breaks_a_tie if {
	snapshot := testing.patched(_unnamed, {
		"/users/user/roles": [],
		"/roles/a": object.union(testing.role, {"name": "Demandbase (few)", "root_id": "a"}),
		"/role_privileges/a": {"prvReadAccount": "global"},
		"/role_privileges/role": {"prvReadAccount": "global", "prvReadContact": "basic"},
	})
	integration.role == "role" with input as snapshot
}

test_equal_candidates_are_ordered_by_assignment_then_id if {
	snapshot := testing.changed({
		"/roles/a": object.union(testing.role, {"root_id": "a"}),
		"/role_privileges/a": testing.grants,
	})
	integration.role == "role" with input as snapshot
	integration.role == "a" with input as testing.patched(snapshot, {"/users/user/roles": []})
}

test_undefined_privileges_do_not_hide_what_a_role_grants if {
	integration.role == "role" with input as testing.patched(_unnamed, {
		"/privileges": {},
		"/users/user/roles": [],
		"/roles/a": object.union(testing.role, {"name": "Demandbase (old)", "root_id": "a"}),
		"/role_privileges/a": {"prvReadAccount": "global"},
	})
}

test_single_candidate_is_chosen_without_its_grants if {
	snapshot := testing.patched(_unnamed, {"/role_privileges": {}})
	integration.role == "role" with input as snapshot
	integration.role_undecided == set() with input as snapshot
}

test_role_is_undecided_if_grants_of_candidates_were_not_read if {
	snapshot := testing.patched(_unnamed, {
		"/role_privileges": {},
		"/roles/other": _other,
		"/users/user/roles": ["other", "role"],
	})
	integration.role_undecided == {
		"several roles could be the integration role, and what they grant was not read",
	} with input as snapshot
}

test_role_is_editable_unless_a_copy_is_locked_or_built_in if {
	integration.role_editable with input as testing.snapshot
	integration.role_locked == set() with input as testing.snapshot
	integration.role_built_in == set() with input as testing.snapshot

	locked := testing.changed({"/roles/role/customizable": false})
	integration.role_locked == {"role"} with input as locked
	not integration.role_editable with input as locked

	built_in := testing.changed({"/roles/role/template_id": "template"})
	integration.role_built_in == {"role"} with input as built_in
	not integration.role_editable with input as built_in

	copy := testing.changed({"/roles/copy": object.union(testing.role, {"customizable": false})})
	integration.role_locked == {"copy"} with input as copy

	integration.role_editable with input as testing.changed({"/roles/basic": object.union(_built_in, {
		"customizable": false,
	})})
	not integration.role_editable with input as testing.no_role
}

test_how_a_privilege_is_granted if {
	role := {"id": "role", "name": "Demandbase Integration"}
	privileges := [{"name": "prvReadLead", "id": "id of prvReadLead", "depth": "global"}]

	integration.grant_fixes.prvReadLead == {
		"kind": "raise-depth",
		"role": role,
		"privileges": privileges,
	} with input as testing.changed({"/role_privileges/role/prvReadLead": "basic"})

	integration.grant_fixes.prvReadLead == {
		"kind": "add-privilege",
		"role": role,
		"privileges": privileges,
	} with input as testing.without(testing.snapshot, ["/role_privileges/role/prvReadLead"])

	integration.grant_fixes.prvReadLead == {
		"kind": "replace-role",
		"role": role,
		"privileges": privileges,
	} with input as testing.changed({"/roles/role/customizable": false, "/role_privileges/role/prvReadLead": "basic"})

	integration.grant_fixes.prvReadLead == {
		"kind": "create-role",
		"role": {"name": "Demandbase Integration"},
		"privileges": privileges,
	} with input as testing.no_role

	integration.grant_fixes.prvReadLead.role == {
		"name": "My role",
	} with input as testing.patched(testing.no_role, {"/requirement/role": "My role"})

	integration.grant_fixes.prvReadLead.role == {
		"name": "Demandbase Integration",
	} with input as testing.patched(testing.no_role, {"/requirement/role": ""})

	not integration.grant_fixes.prvReadLead with input as testing.without(testing.snapshot, ["/privileges/prvReadLead"])
}

# The privileges of the minimum that the compliant role grants.
_minimum[name] := level if {
	some name, level in testing.grants
	name in testing.minimum
}

test_grants_of_one_role if {
	integration.granted == _minimum with input as testing.snapshot
	integration.own == testing.grants with input as testing.snapshot
}

test_grants_of_the_role_without_a_user if {
	integration.granted == _minimum with input as testing.no_user
}

test_integration_role_counts_if_no_role_is_assigned if {
	integration.granted == _minimum with input as testing.changed({"/users/user/roles": []})
}

test_nothing_is_granted_without_a_role if {
	integration.granted == {} with input as testing.no_role
	integration.granted == {} with input as testing.without(testing.no_role, ["/users/user"])
}

test_only_assigned_roles_count if {
	integration.granted == {"prvReadAccount": "local"} with input as testing.changed({
		"/roles/other": _other,
		"/role_privileges/other": {"prvReadAccount": "local"},
		"/users/user/roles": ["other"],
	})
}

test_deeper_grant_of_two_roles_counts if {
	snapshot := testing.changed({
		"/roles/other": _other,
		"/role_privileges/role": {"prvReadAccount": "local", "prvReadContact": "global"},
		"/role_privileges/other": {"prvReadAccount": "deep", "prvReadContact": "basic"},
		"/users/user/roles": ["other", "role"],
	})
	integration.granted == {"prvReadAccount": "deep", "prvReadContact": "global"} with input as snapshot
}

_through_team := testing.changed({
	"/users/user/roles": [],
	"/teams/team/roles": ["role"],
	"/role_privileges/role": {"prvReadUserQuery": "basic", "prvReadAccount": "local", "prvReadSdkMessage": "global"},
})

test_inherited_team_role_gives_basic_rights if {
	integration.granted == {"prvReadUserQuery": "basic", "prvReadAccount": "local"} with input as _through_team
	integration.granted == {
		"prvReadAccount": "local",
	} with input as testing.patched(_through_team, {"/roles/role/inherited": false})
}

test_directly_assigned_role_gives_basic_rights_even_if_not_inherited if {
	integration.granted.prvReadUserQuery == "basic" with input as testing.patched(_through_team, {
		"/roles/role/inherited": false,
		"/users/user/roles": ["role"],
	})
}

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

# A profile that adds to a role of the vendor's own solution.
_supplement := object.union(testing.profile, {"supplements": "Vendor Service", "notes": ["The page adds to a role."]})

_vendors_role := object.union(testing.role, {"name": "Vendor Service", "root_id": "vendor", "customizable": false})

test_the_role_that_the_profile_adds_to if {
	snapshot := testing.patched(_unnamed, {"/roles/vendor": _vendors_role, "/role_privileges/vendor": {}})
	integration.role == "vendor" with input as snapshot with data.profiles.demandbase as _supplement
	integration.grant_fixes == {} with input as snapshot with data.profiles.demandbase as _supplement
	notes := integration.notes with input as snapshot with data.profiles.demandbase as _supplement
	"The page adds to a role." in notes
	`assumed integration role: "Vendor Service" (the role of the vendor's solution that the profile adds to); set role: to choose` in notes
}

test_role_of_a_solution_is_not_created if {
	snapshot := testing.patched(testing.no_role, {"/requirement/role": ""})
	integration.grant_fixes == {} with input as snapshot with data.profiles.demandbase as _supplement
}

test_role_with_part_of_the_minimum_takes_precedence if {
	every member in ["filtered_privileges", "unreadable_privileges"] {
		integration.role == "second" with input as testing.changed({
			"/requirement/role": "",
			"/role_privileges/role": {"prvReadGoal": "global"},
			"/roles/second": object.union(testing.role, {"name": "Second", "root_id": "second"}),
			"/role_privileges/second": {},
			"/users/user/roles": ["role", "second"],
			sprintf("/%s", [member]): {"second": {"prvReadLead": "RecordFilter"}},
		})
	}
}

# A copy of the role in a business unit, with the user's own assignment replaced by it.
_elsewhere(home) := testing.changed({
	"/organization/ownership_across_business_units": "on",
	"/business_units/leaf": {"disabled": false, "name": "West", "parent_id": "child"},
	"/users/user/business_unit_id": "child",
	"/users/user/roles": ["copy"],
	"/roles/copy": object.union(testing.role, {"business_unit_id": home}),
	"/role_privileges/role": object.union(testing.grants, {"prvReadAccount": "local", "prvReadContact": "deep"}),
})

_read(snapshot) := [granted.prvReadAccount, granted.prvReadContact, granted.prvReadLead] if {
	granted := integration.granted with input as snapshot
}

test_depth_applies_from_the_business_unit_of_the_copy if {
	_read(_elsewhere("child")) == ["local", "deep", "global"]
	_read(_elsewhere("root")) == ["basic", "deep", "global"]
	_read(_elsewhere("leaf")) == ["basic", "basic", "global"]
}

test_team_role_that_is_not_inherited_gives_no_basic_rights if {
	team := testing.patched(_elsewhere("leaf"), {
		"/users/user/roles": [],
		"/teams/team/roles": ["copy"],
		"/teams/team/business_unit_id": "leaf",
	})
	_read(team) == ["basic", "basic", "global"]
	granted := integration.granted with input as testing.patched(team, {"/roles/copy/inherited": false})
	not granted.prvReadAccount
	not granted.prvReadContact
	granted.prvReadLead == "global"
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

test_deep_coverage_is_unknown_if_units_above_were_not_read if {
	snapshot := testing.patched(_elsewhere("root"), {
		"/requirement/depth": {"prvReadContact": "deep", "prvReadAccount": "basic"},
		"/coverage/business_units": {"state": "forbidden", "detail": "prvReadBusinessUnit"},
	})
	integration.uncertain_grants == {"prvReadContact": {
		"it is unknown which business units are above the user's: prvReadBusinessUnit",
	}} with input as testing.without(snapshot, ["/business_units/child"])
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
