package dbaudit.rules.role["least-privilege_test"]

import data.dbaudit.profile
import data.dbaudit.rules.role["least-privilege"] as least_privilege
import data.dbaudit.testing

_finding(message, surplus, dangerous, fix) := {
	"control": "DB-ROLE-LEAST-PRIVILEGE",
	"message": sprintf(`the role "Demandbase Integration" grants %s`, [message]),
	"subject": {"kind": "role", "id": "role", "name": "Demandbase Integration"},
	"evidence": {"surplus": surplus, "count": count(surplus), "dangerous": dangerous},
	"fix": object.union({"role": {"id": "role", "name": "Demandbase Integration"}}, fix),
}

# The compliant snapshot with further privileges in the role.
_with(grants) := testing.changed({"/role_privileges/role": object.union(testing.grants, grants)})

test_success_the_minimum if {
	least_privilege.findings == set() with input as testing.snapshot
	least_privilege.not_applicable == set() with input as testing.snapshot
}

test_success_the_nine_defaults_of_the_platform if {
	count(profile.platform_defaults) == 9
	defaults := {name: "global" |
		some name in [
			"prvReadSdkMessage",
			"prvReadSdkMessageProcessingStep",
			"prvReadSdkMessageProcessingStepImage",
			"prvReadPluginAssembly",
			"prvReadPluginType",
			"prvReadSharePointData",
			"prvWriteSharePointData",
			"prvCreateSharePointData",
			"prvReadSharePointDocument",
		]
	}
	least_privilege.findings == set() with input as _with(defaults)
}

test_success_allowed_privileges if {
	snapshot := _with({"prvReadOrganization": "global"})
	least_privilege.findings == set() with input as testing.patched(snapshot, {
		"/requirement/allow": ["prvreadorganization"],
	})
	least_privilege.findings == set() with input as snapshot
		with data.profiles.demandbase as object.union(testing.profile, {"allow": ["prvReadOrganization"]})
}

test_success_another_role_grants_more if {
	least_privilege.findings == set() with input as testing.changed({
		"/roles/other": object.union(testing.role, {"name": "Sync", "root_id": "other"}),
		"/role_privileges/other": {"prvWriteRole": "global"},
		"/users/user/roles": ["other", "role"],
	})
}

test_fail_one_privilege if {
	least_privilege.findings == {_finding(
		"1 privilege beyond the minimum: prvReadOrganization",
		["prvReadOrganization"],
		0,
		{"kind": "remove-privilege", "privileges": [{"name": "prvReadOrganization", "depth": "global"}]},
	)} with input as _with({"prvReadOrganization": "global"})
}

test_fail_dangerous_privileges_come_first if {
	least_privilege.findings == {_finding(
		concat("", [
			"6 privileges beyond the minimum, 4 of them dangerous: ",
			"prvActOnBehalfOfAnotherUser, prvAssignLead, prvDeleteLead, prvShareLead, prvCreateAccount and 1 more",
		]),
		[
			"prvActOnBehalfOfAnotherUser",
			"prvAssignLead",
			"prvDeleteLead",
			"prvShareLead",
			"prvCreateAccount",
			"prvReadOrganization",
		],
		4,
		{"kind": "remove-privilege", "privileges": [
			{"name": "prvActOnBehalfOfAnotherUser", "depth": "global"},
			{"name": "prvAssignLead", "depth": "basic"},
			{"name": "prvDeleteLead", "depth": "basic"},
			{"name": "prvShareLead", "depth": "basic"},
			{"name": "prvCreateAccount", "depth": "local"},
			{"name": "prvReadOrganization", "depth": "global"},
		]},
	)} with input as _with({
		"prvReadOrganization": "global",
		"prvCreateAccount": "local",
		"prvShareLead": "basic",
		"prvDeleteLead": "basic",
		"prvAssignLead": "basic",
		"prvActOnBehalfOfAnotherUser": "global",
	})
}

test_fail_only_dangerous_privileges if {
	least_privilege.findings == {_finding(
		"1 dangerous privilege beyond the minimum: prvBypassCustomPlugins",
		["prvBypassCustomPlugins"],
		1,
		{"kind": "remove-privilege", "privileges": [{"name": "prvBypassCustomPlugins", "depth": "global"}]},
	)} with input as _with({"prvBypassCustomPlugins": "global"})
	some found in least_privilege.findings with input as _with({"prvSendAsUser": "global", "prvDeleteLead": "basic"})
	endswith(found.message, "2 privileges beyond the minimum, all of them dangerous: prvDeleteLead, prvSendAsUser")
	some one in least_privilege.findings with input as _with({"prvSendAsUser": "global", "prvReadGoal": "basic"})
	endswith(one.message, "2 privileges beyond the minimum, 1 of them dangerous: prvSendAsUser, prvReadGoal")
	some none in least_privilege.findings with input as _with({"prvReadOrganization": "global", "prvReadGoal": "basic"})
	endswith(none.message, "2 privileges beyond the minimum: prvReadGoal, prvReadOrganization")
}

test_success_required_privileges_are_not_dangerous if {
	testing.minimum & {"prvDeleteActivity"} == {"prvDeleteActivity"}
	least_privilege.findings == set() with input as testing.snapshot
}

test_fail_a_locked_role_has_to_be_replaced if {
	least_privilege.findings == {_finding(
		"1 privilege beyond the minimum: prvReadOrganization",
		["prvReadOrganization"],
		0,
		{"kind": "replace-role"},
	)} with input as testing.patched(_with({"prvReadOrganization": "global"}), {"/roles/role/customizable": false})
}

test_not_applicable_without_a_role if {
	least_privilege.findings == set() with input as testing.no_role
	least_privilege.not_applicable == {
		"there is no integration role to judge, see DB-ROLE-EXISTS",
	} with input as testing.no_role
}

test_fail_filtered_and_unreadable_grants_are_surplus if {
	least_privilege.findings == {_finding(
		"2 privileges beyond the minimum: prvReadGoal, prvReadOrganization",
		["prvReadGoal", "prvReadOrganization"],
		0,
		{"kind": "remove-privilege", "privileges": [{"name": "prvReadGoal"}, {"name": "prvReadOrganization"}]},
	)} with input as testing.changed({
		"/filtered_privileges": {"role": {"prvReadGoal": "RecordFilter", "prvReadLead": "Global"}},
		"/unreadable_privileges": {"role": {"prvReadOrganization": "Galaxy"}},
	})
}
