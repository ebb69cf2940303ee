package dbaudit_test

import data.dbaudit
import data.dbaudit.lint.fixture
import data.dbaudit.testing

test_conftest_passes_a_compliant_environment if {
	dbaudit.deny == set() with input as testing.snapshot
	dbaudit.warn == set() with input as testing.snapshot
}

test_conftest_denies_each_finding if {
	snapshot := testing.changed({"/users/user/disabled": true})
	some finding in dbaudit.findings with input as snapshot
	dbaudit.deny == {object.union(finding, {
		"msg": sprintf("DB-USER-ENABLED: %s", [finding.message]),
		"severity": "critical",
	})} with input as snapshot
}

test_conftest_only_warns_of_information if {
	snapshot := testing.changed({"/users/user/disabled": true})
	controls := [{"id": "X-ENABLED", "rule": "user/enabled", "severity": "info"}]
	dbaudit.deny == set() with input as snapshot with data.profiles.demandbase.controls as controls
	{warning.control | some warning in dbaudit.warn} == {"X-ENABLED"} with input as snapshot
		with data.profiles.demandbase.controls as controls
}

# One rule has a finding; the other cannot judge because the shares were not read.
test_conftest_denies_unjudged_controls if {
	snapshot := testing.changed({"/coverage/shares": {"state": "forbidden", "detail": ""}})
	{denied.msg | some denied in dbaudit.deny} == {
		"DB-VIEW-LEAST-ACCESS: not judged: shares may not be read",
	} with input as snapshot
}

test_conftest_denies_a_control_that_could_not_be_judged if {
	snapshot := testing.patched(testing.without(testing.snapshot, ["/role_privileges/role/prvReadLead"]), {
		"/unreadable_privileges": {"role": {"prvReadLead": "Galaxy"}},
	})
	some denied in dbaudit.deny with input as snapshot
	startswith(denied.msg, "DB-PRIV-LEAD: not judged: ")
	count(dbaudit.deny) == 1 with input as snapshot
	object.keys(dbaudit.unknown_controls) == {"DB-PRIV-LEAD"} with input as snapshot
}

test_conftest_reports_a_partly_judged_failure_once if {
	snapshot := testing.changed({
		"/shares/user/view/rights": ["read", "write"],
		"/coverage/shares/detail": "only those of the views at hand",
	})
	[denied.control | some denied in dbaudit.deny] == ["DB-VIEW-LEAST-ACCESS"] with input as snapshot
	[denied.severity | some denied in dbaudit.deny] == ["low"] with input as snapshot
	[denied.severity | some denied in dbaudit.deny] == ["low"] with input as testing.patched(snapshot, {
		"/shares/user/view/rights": ["read"],
	})
}

test_conftest_judges_the_lines_of_files if {
	file := testing.patched(fixture.of([["prvReadAccount", "Global"], ["prvreadnew_thing", "Worldwide"]]), {
		"/coverage": {section: {"state": "collected"} | some section in testing.sections},
	})
	{denied.control | some denied in dbaudit.deny} == {"LINT-LEVEL"} with input as file
		with data.profiles as fixture.profiles
}

test_conftest_denies_an_input_that_it_cannot_judge if {
	{denied.msg | some denied in dbaudit.deny} == {
		"not judged: the profile that the input names is not loaded",
	} with input as {"kind": "Deployment"}
	{denied.msg | some denied in dbaudit.deny} == {
		"DB-X: not judged: the policies have no such rule",
	} with input as testing.snapshot
		with data.profiles.demandbase.controls as [{"id": "DB-X", "rule": "acme/none"}]
}

test_conftest_denies_an_ambiguous_user if {
	snapshot := testing.changed({
		"/requirement/application_id": "",
		"/users/second": object.union(testing.application_user, {"name": "Demandbase Sandbox", "application_id": "second"}),
	})
	messages := {denied.msg | some denied in dbaudit.deny} with input as snapshot
	"not judged: several users could be the integration's: # Demandbase, Demandbase Sandbox" in messages
}
