package dbaudit.integration_test

import data.dbaudit.integration
import data.dbaudit.testing

# A second custom role that grants the minimum.
_other := object.union(testing.role, {"name": "Sync", "root_id": "other"})

# A built-in role.
_built_in := object.union(testing.role, {"name": "Basic User", "root_id": "basic", "template_id": "template"})

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
