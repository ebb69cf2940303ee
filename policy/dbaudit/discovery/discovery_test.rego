package dbaudit.discovery_test

import data.dbaudit.discovery
import data.dbaudit.testing

_customizer := object.union(testing.role, {
	"name": "Anpassung",
	"root_id": "customizer",
	"template_id": "119F245C-3CC8-4B62-B31C-D1A046CED15D",
})

_other := object.union(testing.role, {"name": "Gateway", "root_id": "other"})

_gateway := object.union(testing.application_user, {
	"application_id": "gateway",
	"name": "Gateway",
	"roles": ["other"],
	"teams": [],
})

_user := {"kind": "user", "id": "user", "name": "# Demandbase"}

_report(values) := report if {
	snapshot := testing.changed(values)
	report := discovery.report with input as snapshot
}

_of(report, id) := user if {
	some user in report.users
	user.user.id == id
}

test_the_user_of_a_compliant_environment if {
	report := _report({})
	report.users == [{
		"user": _user,
		"application_id": "application",
		"business_unit": "Contoso",
		"disabled": false,
		"roles": [{
			"id": "role",
			"name": "Demandbase Integration",
			"administrator": "",
			"ways": ["assigned to the user"],
			"reservations": [],
		}],
		"fits": [{"profile": "demandbase", "by": "user", "granted": 44, "required": 44}],
		"dangerous": [],
		"unknown": [],
	}]
	report.integrations == [{
		"profile": "demandbase",
		"application_id": "application",
		"role": "Demandbase Integration",
		"user": _user,
	}]
	report.passed_over == []
	report.unread == []
}

test_people_and_soft_deleted_users_are_not_listed if {
	_report({"/users/user/deleted": true}).users == []
}

test_administrator_role_through_a_team if {
	report := _report({
		"/roles/customizer": _customizer,
		"/role_privileges/customizer": {"prvPublishCustomization": "global"},
		"/teams/team/roles": ["customizer"],
	})
	[role.administrator | some role in report.users[0].roles] == ["System Customizer", ""]
	report.users[0].roles[0].ways == [`through the team "Contoso"`]

	# The role itself is reported.
	report.users[0].dangerous == []
}

test_dangerous_privileges_that_the_profile_does_not_require if {
	report := _report({
		"/role_privileges/role/prvBulkDelete": "global",
		"/role_privileges/role/prvDeleteUserQuery": "basic",
		"/role_privileges/role/prvDeleteActivity": "global",
		"/filtered_privileges": {"role": {"prvDeleteLead": "RecordFilter"}},
		"/unreadable_privileges": {"role": {"prvSendAsUser": "7"}},
	})
	[[found.name, found.depth] | some found in report.users[0].dangerous] == [
		["prvBulkDelete", "global"],
		["prvDeleteUserQuery", "basic"],
		["prvDeleteLead", "filtered"],
		["prvSendAsUser", "unknown"],
	]
	report.users[0].dangerous[0].lets == "delete records in bulk"
	report.users[0].dangerous[0].roles == ["Demandbase Integration"]
}

test_user_without_a_matching_profile if {
	report := _report({
		"/users/gateway": object.union(_gateway, {"business_unit_id": "unread"}),
		"/roles/other": object.union(_other, {"business_unit_id": "unread"}),
		"/role_privileges/other": {"prvDeleteActivity": "global", "prvReadLead": "global"},
	})
	[user.user.id | some user in report.users] == ["user", "gateway"]
	gateway := _of(report, "gateway")
	gateway.fits == []
	gateway.business_unit == ""
	[found.name | some found in gateway.dangerous] == ["prvDeleteActivity"]
	count(report.integrations) == 1
}

test_role_name_matches_a_profile if {
	report := _report({"/users/user/name": "Sync"})
	report.users[0].fits == [{"profile": "demandbase", "by": "role", "granted": 44, "required": 44}]

	# The name of a built-in role does not match.
	built_in := _report({"/users/user/name": "Sync", "/roles/role/template_id": "template"})
	built_in.users[0].fits == []
}

test_application_id_takes_precedence_over_names if {
	snapshot := testing.changed({"/users/user/application_id": "KNOWN"})
	modjo := object.union(data.profiles.modjo, {"application_ids": ["Known"]})
	report := discovery.report with input as snapshot with data.profiles.modjo as modjo
	[[fit.profile, fit.by] | some fit in report.users[0].fits] == [["modjo", "application-id"], ["demandbase", "user"]]
	[proposal.profile | some proposal in report.integrations] == ["modjo"]
}

test_profile_without_a_pattern_matches_nobody if {
	wordless := object.remove(testing.profile, ["pattern"])
	report := discovery.report with input as testing.snapshot with data.profiles.demandbase as wordless
	report.users[0].fits == []
}

test_user_with_most_privileges_is_proposed if {
	report := _report({
		"/users/second": object.union(testing.application_user, {"application_id": "second", "name": "# Demandbase 2", "roles": []}),
		"/users/third": object.union(testing.application_user, {"application_id": "third", "name": "# Demandbase 1", "disabled": true}),
	})
	[proposal.application_id | some proposal in report.integrations] == ["application"]
	{user.user.id | some user in report.passed_over} == {"second", "third"}

	# The name of the user takes precedence over that of a role.
	named := _report({
		"/users/user/name": "Sync",
		"/users/second": object.union(testing.application_user, {"application_id": "second", "name": "# Demandbase 2", "roles": []}),
	})
	[[proposal.application_id, proposal.role] | some proposal in named.integrations] == [["second", ""]]
}

test_role_without_effect if {
	report := _report({
		"/roles/copy": object.union(_customizer, {"business_unit_id": "child"}),
		"/role_privileges/customizer": {},
		"/users/user/roles": ["role", "copy"],
	})
	[role] := [found | some found in report.users[0].roles; found.id == "customizer"]
	role.ways == []
	role.administrator == ""
	count(role.reservations) == 1
	report.users[0].unknown == []
}

test_unread_sections_are_listed if {
	report := _report({
		"/coverage/business_units": {"state": "forbidden", "detail": "no"},
		"/business_units": {},
		"/role_privileges": {},
		"/teams/team/roles": ["role"],
		"/users/user/roles": [],
	})
	report.unread == [{"section": "business_units", "state": "forbidden", "reason": "no"}]
	count(report.users[0].unknown) == 2
	report.users[0].fits == [{"profile": "demandbase", "by": "user", "granted": null, "required": 44}]
	`what the role "Demandbase Integration" grants was not read` in report.users[0].unknown
	count(report.users[0].roles[0].reservations) == 1

	closed := _report({"/coverage/teams": {"state": "forbidden", "detail": "no"}})
	closed.users[0].fits[0].granted == null
	[proposal.application_id | some proposal in closed.integrations] == ["application"]

	uncovered := discovery.report with input as object.union(object.remove(testing.snapshot, ["coverage"]), {"coverage": {}})
	{unread.section | some unread in uncovered.unread} == {
		"users",
		"teams",
		"roles",
		"role_privileges",
		"business_units",
		"organization",
	}
}

test_undecided_role_is_not_proposed if {
	report := _report({
		"/roles/other": object.union(_other, {"name": "Demandbase Sync"}),
		"/role_privileges": {"role": testing.grants},
		"/users/user/roles": ["role", "other"],
	})
	[proposal.role | some proposal in report.integrations] == [""]
}

test_earlier_versions_and_the_lint_profile_match_no_user if {
	not discovery._vendors["demandbase@nine-lines"]
	not discovery._vendors.lint
	not discovery._vendors.outlook
	discovery._vendors.modjo
}
