package dbaudit.rules.user.enabled_test

import data.dbaudit.rules.user.enabled
import data.dbaudit.testing

test_success_enabled if {
	enabled.findings == set() with input as testing.snapshot
	enabled.not_applicable == set() with input as testing.snapshot
}

test_success_somebody_else_is_disabled if {
	enabled.findings == set() with input as testing.changed({"/users/jane/disabled": true})
}

test_fail_disabled if {
	enabled.findings == {{
		"control": "DB-USER-ENABLED",
		"message": `the user "# Demandbase" is disabled`,
		"subject": {"kind": "user", "id": "user", "name": "# Demandbase"},
		"evidence": {"disabled": true},
		"fix": {
			"kind": "enable-user",
			"user": {"kind": "systemuser", "id": "user", "name": "# Demandbase"},
		},
	}} with input as testing.changed({"/users/user/disabled": true})
}

test_not_applicable_without_a_user if {
	enabled.findings == set() with input as testing.no_user
	enabled.not_applicable == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
}

_user := {"kind": "systemuser", "id": "user", "name": "# Demandbase"}

# The message, the other evidence and the fix of the finding.
_found(snapshot) := {[finding.message, object.remove(finding.evidence, ["disabled"]), finding.fix] |
	some finding in enabled.findings with input as snapshot
}

test_fail_in_a_disabled_business_unit if {
	_found(testing.changed({"/business_units/root/disabled": true})) == {[
		`the user "# Demandbase" is in the business unit "Contoso", which is disabled`,
		{"disabled_business_unit": "Contoso"},
		{"kind": "enable-business-unit", "user": _user, "business_unit": {"id": "root", "name": "Contoso"}},
	]}
}

test_fail_below_a_disabled_business_unit if {
	_found(testing.changed({"/business_units/root/disabled": true, "/users/user/business_unit_id": "child"})) == {[
		`the user "# Demandbase" is in the business unit "Sales", which is below "Contoso", which is disabled`,
		{"disabled_business_unit": "Contoso"},
		{"kind": "enable-business-unit", "user": _user, "business_unit": {"id": "root", "name": "Contoso"}},
	]}
}

test_success_another_business_unit_is_disabled if {
	_found(testing.changed({"/business_units/child/disabled": true})) == set()
}

test_fail_each_access_mode_that_cannot_work if {
	some mode in ["administrative", "read", "support", "delegated-admin"]
	found := _found(testing.changed({"/users/user/access_mode": mode}))
	{[evidence, fix] | some [_, evidence, fix] in found} == {[
		{"access_mode": mode},
		{"kind": "set-access-mode", "user": _user},
	]}
}

test_success_read_write if {
	_found(testing.changed({"/users/user/access_mode": "read-write"})) == set()
}

test_unknown_access_mode if {
	reason := {"the user's access mode was not read, or is one that is not documented"}
	enabled.unknown == reason with input as testing.changed({"/users/user/access_mode": "unknown"})
	enabled.unknown == reason with input as testing.without(testing.snapshot, ["/users/user/access_mode"])
	enabled.unknown == set() with input as testing.snapshot
}

test_fail_deleted_in_entra if {
	some state, words in {
		"deleted": "no longer exists in Microsoft Entra",
		"soft-deleted": "is deleted in Microsoft Entra, where it can still be restored",
	}
	_found(testing.changed({"/users/user/entra_state": state})) == {[
		sprintf(`the user "# Demandbase" %s`, [words]),
		{"entra_state": state},
		{"kind": "restore-identity", "user": _user},
	]}
}

test_success_if_the_entra_state_was_not_read if {
	snapshot := testing.without(testing.snapshot, ["/users/user/entra_state"])
	_found(snapshot) == set()
	enabled.unknown == set() with input as snapshot
}

test_one_finding_for_all_reasons if {
	_found(testing.changed({
		"/users/user/disabled": true,
		"/users/user/access_mode": "read",
		"/business_units/root/disabled": true,
	})) == {[
		concat(" and ", [
			`the user "# Demandbase" is disabled`,
			`is in the business unit "Contoso", which is disabled`,
			"has the access mode Read, in which it cannot write",
		]),
		{"access_mode": "read", "disabled_business_unit": "Contoso"},
		{"kind": "enable-business-unit", "user": _user, "business_unit": {"id": "root", "name": "Contoso"}},
	]}
}

test_unknown_business_units if {
	reason := "it is unknown whether the user's business unit, or one above it, is disabled"
	enabled.unknown == {concat("", [reason, ": prvReadBusinessUnit"])} with input as testing.changed({"/coverage/business_units": {
		"state": "forbidden",
		"detail": "prvReadBusinessUnit",
	}})
	enabled.unknown == {reason} with input as testing.patched(
		testing.without(testing.snapshot, ["/business_units/root"]),
		{"/users/user/business_unit_id": "child"},
	)
}

# A profile may state the access modes in which its integration works.
test_the_access_modes_of_the_profile if {
	profile := object.union(testing.profile, {"access_modes": ["read-write", "read"]})
	enabled.findings == set() with input as testing.changed({"/users/user/access_mode": "read"})
		with data.profiles.demandbase as profile

	messages := {f.message | some f in enabled.findings} with input as testing.changed({
		"/users/user/access_mode": "non-interactive",
	})
		with data.profiles.demandbase as object.union(testing.profile, {"access_modes": ["read-write"]})
	messages == {`the user "# Demandbase" has the access mode Non-interactive, and the source requires Read-Write`}
}
