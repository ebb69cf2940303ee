package dbaudit.rules.user["business-unit_test"]

import data.dbaudit.rules.user["business-unit"] as business_unit
import data.dbaudit.testing

_finding(required, actual, note) := _finding_of("move-user", required, actual, note)

_finding_of(kind, required, actual, note) := {
	"control": "DB-USER-BUSINESS-UNIT",
	"message": sprintf(`the user "# Demandbase" is in the business unit %q, not in %q%s`, [actual, required, note]),
	"subject": {"kind": "user", "id": "user", "name": "# Demandbase"},
	"evidence": {"required": required, "actual": actual},
	"fix": {
		"kind": kind,
		"user": {"kind": "systemuser", "id": "user", "name": "# Demandbase"},
		"business_unit": {"name": required},
	},
}

test_success_in_the_configured_unit if {
	business_unit.findings == set() with input as testing.snapshot
	business_unit.not_applicable == set() with input as testing.snapshot
	business_unit.unknown == set() with input as testing.snapshot
	business_unit.findings == set() with input as testing.changed({"/requirement/business_unit": "CONTOSO"})
}

test_fail_in_another_unit if {
	business_unit.findings == {
		_finding("Contoso", "Sales", ""),
	} with input as testing.changed({"/users/user/business_unit_id": "child"})
}

test_fail_configured_unit_does_not_exist if {
	business_unit.findings == {
		_finding_of("correct-configuration", "Nowhere", "Contoso", ", which does not exist"),
	} with input as testing.changed({"/requirement/business_unit": "Nowhere"})
}

test_fail_configured_unit_is_disabled if {
	business_unit.findings == {
		_finding_of("correct-configuration", "Sales", "Contoso", ", which is disabled or below a disabled one"),
	} with input as testing.changed({"/requirement/business_unit": "Sales", "/business_units/child/disabled": true})
}

test_fail_in_a_unit_that_was_not_listed if {
	business_unit.findings == {
		_finding("Contoso", "elsewhere", ""),
	} with input as testing.changed({"/users/user/business_unit_id": "elsewhere"})
}

test_not_applicable_if_no_unit_is_configured if {
	business_unit.findings == set() with input as testing.changed({"/requirement/business_unit": ""})
	reasons := {"the configuration names no business unit"}
	business_unit.not_applicable == reasons with input as testing.changed({"/requirement/business_unit": ""})
	business_unit.not_applicable == reasons with input as testing.changed({
		"/requirement/business_unit": "",
		"/coverage/business_units/state": "forbidden",
	})
}

test_not_applicable_without_a_user if {
	business_unit.findings == set() with input as testing.no_user
	business_unit.not_applicable == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
}

test_unknown_if_the_units_were_not_read if {
	snapshot := testing.changed({
		"/coverage/business_units/state": "forbidden",
		"/business_units": {},
	})
	business_unit.findings == set() with input as snapshot
	business_unit.not_applicable == set() with input as snapshot
	business_unit.unknown == {"the business units were not read"} with input as snapshot
	business_unit.unknown == {
		"the business units were not read",
	} with input as testing.without(testing.snapshot, ["/coverage/business_units"])
}

test_unknown_has_the_reason_of_the_units if {
	unread := "the business units were not read: prvReadBusinessUnit is missing"
	business_unit.unknown == {unread} with input as testing.changed({
		"/coverage/business_units": {"state": "forbidden", "detail": "prvReadBusinessUnit is missing"},
	})
}

test_fail_but_an_unseen_unit_may_exist if {
	found := business_unit.findings with input as testing.changed({
		"/requirement/business_unit": "Elsewhere",
		"/coverage/business_units/detail": "there may be more than were seen",
	})
	found == {_finding("Elsewhere", "Contoso", ", which was not seen")}
}
