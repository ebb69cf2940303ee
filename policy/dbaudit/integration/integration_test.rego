package dbaudit.integration_test

import data.dbaudit.integration
import data.dbaudit.testing

# Requirements that name neither user nor role.
_unnamed := testing.changed({"/requirement/application_id": "", "/requirement/role": ""})

# A second application user, with the same application id.
_twin := object.union(testing.application_user, {"name": "# Demandbase 2"})

# Another custom role, which grants all of the minimum too.
_other := object.union(testing.role, {"name": "Sync", "root_id": "other"})

# A role that the platform brings.
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

test_the_application_id_alone_counts_where_it_is_configured if {
	not integration.user with input as testing.changed({
		"/requirement/application_id": "nobody's",
		"/requirement/user": "jane@contoso.com",
	})
}

test_a_soft_deleted_user_is_none if {
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

test_a_soft_deleted_twin_does_not_count if {
	integration.user == "user" with input as testing.changed({"/users/twin": object.union(_twin, {"deleted": true})})
}

test_several_users_of_one_application_id_are_none if {
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

test_the_application_user_whose_name_fits if {
	integration.user == "user" with input as _unnamed
	integration.user == "user" with input as testing.patched(_unnamed, {"/users/user/name": "my DEMANDBASE sync"})
	not integration.user with input as testing.patched(_unnamed, {"/users/user/name": "sync"})
	integration.ambiguous == set() with input as _unnamed
}

test_a_user_without_a_principal_name_is_not_taken_for_the_one_that_nobody_named if {
	integration.users == {"user"} with input as testing.patched(_unnamed, {"/users/jane/domain_name": ""})
}

test_a_person_never_fits if {
	not integration.user with input as testing.patched(_unnamed, {"/users/user/application_id": ""})
}

test_several_users_that_fit_are_ambiguous if {
	snapshot := testing.patched(_unnamed, {"/users/twin": _twin})
	integration.ambiguous == {"user", "twin"} with input as snapshot
	not integration.user with input as snapshot
}

test_what_reaches_the_user_directly if {
	integration.principals == {"user", "team"} with input as testing.snapshot
	integration.direct_roles == {"role"} with input as testing.snapshot
	integration.team_roles == set() with input as testing.snapshot
	integration.ways == {"role": {"assigned to the user"}} with input as testing.snapshot
}

test_what_reaches_the_user_through_a_team if {
	snapshot := testing.changed({"/users/user/roles": [], "/teams/team/roles": ["role"]})
	integration.direct_roles == set() with input as snapshot
	integration.assigned_copies == {"role"} with input as snapshot
	integration.assigned == set() with input as snapshot
	integration.teams == {"role": {"team"}} with input as snapshot
	integration.ways == {"role": {`through the team "Contoso"`}} with input as snapshot
}

test_what_reaches_a_team_of_others_does_not_reach_the_user if {
	others := object.union(testing.team, {"name": "Sales", "roles": ["role"]})
	integration.assigned_copies == set() with input as testing.changed({"/users/user/roles": [], "/teams/others": others})

	snapshot := testing.changed({"/teams/team/roles": ["role"], "/teams/others": others})
	integration.teams == {"role": {"team"}} with input as snapshot
	integration.ways == {"role": {"assigned to the user", `through the team "Contoso"`}} with input as snapshot
}

test_nothing_reaches_a_user_that_is_not_there if {
	integration.principals == set() with input as testing.no_user
	integration.assigned_copies == set() with input as testing.no_user
	integration.ways == {} with input as testing.no_user
	integration.no_user == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
	integration.no_user == set() with input as testing.snapshot
}

test_a_profile_without_the_control_gives_the_reason_all_the_same if {
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

test_the_configured_role_or_none if {
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

test_of_two_roles_of_the_configured_name_the_one_that_the_user_holds if {
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

test_of_the_reaching_custom_roles_the_one_that_grants_most if {
	snapshot := testing.patched(_unnamed, {
		"/roles/other": _other,
		"/role_privileges/other": {"prvReadAccount": "global"},
		"/users/user/roles": ["other", "role"],
	})
	integration.role == "role" with input as snapshot
	integration.role_undecided == set() with input as snapshot
	integration.candidates == {"role", "other"} with input as snapshot
}

test_a_reaching_role_goes_before_one_whose_name_fits if {
	snapshot := testing.patched(_unnamed, {
		"/roles/other": _other,
		"/role_privileges/other": {"prvReadAccount": "basic"},
		"/users/user/roles": ["other"],
	})
	integration.role == "other" with input as snapshot
	integration.candidates == {"other"} with input as snapshot
}

test_a_reaching_role_that_grants_none_of_it_goes_after_one_whose_name_fits if {
	snapshot := testing.patched(_unnamed, {
		"/roles/other": _other,
		"/role_privileges/other": {"prvReadSdkMessage": "global"},
		"/users/user/roles": ["other"],
	})
	integration.role == "role" with input as snapshot
}

test_a_reaching_role_that_grants_none_of_it_is_better_than_none if {
	snapshot := testing.patched(_unnamed, {
		"/roles/role/name": "Sync",
		"/role_privileges/role": {},
	})
	integration.role == "role" with input as snapshot
	not integration.role with input as testing.patched(snapshot, {"/users/user/roles": []})
}

test_a_built_in_role_is_not_taken_for_the_integrations if {
	snapshot := testing.patched(testing.without(_unnamed, ["/roles/role"]), {
		"/roles/basic": object.union(_built_in, {"name": "Demandbase"}),
		"/role_privileges/basic": testing.grants,
		"/users/user/roles": ["basic"],
	})
	integration.candidates == set() with input as snapshot
	not integration.role with input as snapshot
}

test_of_several_whose_names_fit_the_one_that_grants_most if {
	snapshot := testing.patched(_unnamed, {
		"/users/user/roles": [],
		"/roles/a": object.union(testing.role, {"name": "Demandbase (old)", "root_id": "a"}),
		"/role_privileges/a": {"prvReadAccount": "global"},
	})
	integration.candidates == {"a", "role"} with input as snapshot
	integration.role == "role" with input as snapshot
}

test_deep_enough_counts_before_many if {
	snapshot := testing.patched(_unnamed, {
		"/users/user/roles": [],
		"/roles/a": object.union(testing.role, {"name": "Demandbase (deep)", "root_id": "a"}),
		"/role_privileges/a": {"prvReadAccount": "global"},
		"/role_privileges/role": {"prvReadAccount": "basic", "prvReadContact": "basic", "prvReadLead": "basic"},
	})
	integration.role == "a" with input as snapshot
}

test_many_break_the_tie_of_deep_enough if {
	snapshot := testing.patched(_unnamed, {
		"/users/user/roles": [],
		"/roles/a": object.union(testing.role, {"name": "Demandbase (few)", "root_id": "a"}),
		"/role_privileges/a": {"prvReadAccount": "global"},
		"/role_privileges/role": {"prvReadAccount": "global", "prvReadContact": "basic"},
	})
	integration.role == "role" with input as snapshot
}

test_among_equals_the_one_that_reaches_the_user_then_the_first_by_id if {
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

test_one_role_is_the_integrations_though_its_grants_were_not_read if {
	snapshot := testing.patched(_unnamed, {"/role_privileges": {}})
	integration.role == "role" with input as snapshot
	integration.role_undecided == set() with input as snapshot
}

test_of_several_roles_none_can_be_chosen_where_their_grants_were_not_read if {
	snapshot := testing.patched(_unnamed, {
		"/role_privileges": {},
		"/roles/other": _other,
		"/users/user/roles": ["other", "role"],
	})
	integration.role_undecided == {
		"several roles could be the integration role, and what they grant was not read",
	} with input as snapshot
}

test_a_role_can_be_changed_unless_a_copy_is_locked_or_built_in if {
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

# What the compliant role grants of the minimum.
_minimum[name] := level if {
	some name, level in testing.grants
	name in testing.minimum
}

test_what_one_role_grants if {
	integration.granted == _minimum with input as testing.snapshot
	integration.own_privileges == testing.grants with input as testing.snapshot
}

test_without_a_user_what_the_role_grants if {
	integration.granted == _minimum with input as testing.no_user
}

test_where_no_role_reaches_the_user_what_the_role_grants if {
	integration.granted == _minimum with input as testing.changed({"/users/user/roles": []})
}

test_without_a_role_nothing_is_granted if {
	integration.granted == {} with input as testing.no_role
	integration.granted == {} with input as testing.without(testing.no_role, ["/users/user"])
}

test_where_another_role_reaches_the_user_only_that_counts if {
	integration.granted == {"prvReadAccount": "local"} with input as testing.changed({
		"/roles/other": _other,
		"/role_privileges/other": {"prvReadAccount": "local"},
		"/users/user/roles": ["other"],
	})
}

test_of_two_roles_the_deeper_grant_counts if {
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

test_a_team_role_gives_its_members_basic_rights_where_they_are_inherited if {
	integration.granted == {"prvReadUserQuery": "basic", "prvReadAccount": "local"} with input as _through_team
	integration.granted == {
		"prvReadAccount": "local",
	} with input as testing.patched(_through_team, {"/roles/role/inherited": false})
}

test_a_role_assigned_directly_gives_basic_rights_whatever_it_says_of_teams if {
	integration.granted.prvReadUserQuery == "basic" with input as testing.patched(_through_team, {
		"/roles/role/inherited": false,
		"/users/user/roles": ["role"],
	})
}

_article := concat("", [
	"the article does not state access levels: dbaudit requires the highest level each privilege allows; ",
	"lower it with depth: in dbaudit.yaml",
])

test_notes_say_whose_default_the_depth_is if {
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

test_a_role_of_a_solution_is_not_created if {
	snapshot := testing.patched(testing.no_role, {"/requirement/role": ""})
	integration.grant_fixes == {} with input as snapshot with data.profiles.demandbase as _supplement
}

test_a_role_that_grants_the_minimum_in_part_only_is_chosen_before_one_that_grants_none_of_it if {
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

test_a_depth_is_counted_from_the_business_unit_of_the_copy if {
	_read(_elsewhere("child")) == ["local", "deep", "global"]
	_read(_elsewhere("root")) == ["basic", "deep", "global"]
	_read(_elsewhere("leaf")) == ["basic", "basic", "global"]
}

test_a_team_keeps_what_covers_no_more_than_records_of_its_own if {
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

test_another_business_units_copy_is_none_where_ownership_across_units_is_off if {
	snapshot := testing.patched(_elsewhere("root"), {"/organization/ownership_across_business_units": "off"})
	integration.assigned_copies == set() with input as snapshot
	integration.ways == {} with input as snapshot
}

test_it_is_not_known_what_such_a_copy_gives_where_the_setting_was_not_read if {
	snapshot := testing.patched(_elsewhere("root"), {
		"/organization/ownership_across_business_units": "unknown",
		"/requirement/depth": {"prvReadAccount": "basic"},
	})
	ungranted := integration.uncertain_grants with input as snapshot
	ungranted.prvReadAccount == {
		`the role "Demandbase Integration" is assigned as another business unit's copy, and the record-ownership setting was not read`,
	}
	integration.uncertain_grants == {} with input as _elsewhere("root")
}

test_nor_what_a_teams_copy_of_another_business_unit_gives if {
	ungranted := integration.uncertain_grants with input as testing.patched(_elsewhere("root"), {
		"/organization/ownership_across_business_units": "unknown",
		"/users/user/roles": [],
		"/teams/team/business_unit_id": "child",
		"/teams/team/roles": ["copy"],
	})
	ungranted.prvReadLead
}

test_a_role_that_also_reaches_the_user_for_certain_is_not_in_doubt if {
	snapshot := testing.changed({"/teams/team/roles": ["role"], "/coverage/business_units/state": "forbidden"})
	integration.uncertain_roles == {} with input as snapshot
	integration.uncertain_grants == {} with input as snapshot
}

test_it_is_not_known_how_far_deep_reaches_where_the_units_above_were_not_read if {
	snapshot := testing.patched(_elsewhere("root"), {
		"/requirement/depth": {"prvReadContact": "deep", "prvReadAccount": "basic"},
		"/coverage/business_units": {"state": "forbidden", "detail": "prvReadBusinessUnit"},
	})
	integration.uncertain_grants == {"prvReadContact": {
		"it is unknown which business units are above the user's: prvReadBusinessUnit",
	}} with input as testing.without(snapshot, ["/business_units/child"])
}

test_a_team_of_a_disabled_business_unit_gives_nothing if {
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

test_it_is_not_known_what_a_team_gives_whose_business_unit_was_not_read if {
	snapshot := testing.changed({
		"/users/user/roles": [],
		"/teams/team/roles": ["role"],
		"/coverage/business_units/state": "forbidden",
	})
	integration.uncertain_teams == {"team"} with input as snapshot
	ungranted := integration.uncertain_grants with input as snapshot
	object.keys(ungranted) == testing.minimum
}

test_notes_on_sections_that_were_read_are_the_readers if {
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
