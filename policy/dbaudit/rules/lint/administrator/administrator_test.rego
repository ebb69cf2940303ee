package dbaudit.rules.lint.administrator_test

import data.dbaudit.lint.fixture
import data.dbaudit.rules.lint.administrator

_of(names) := fixture.of([[name, "Global"] | some name in names])

_finding(powers, names) := {
	"control": "LINT-ADMINISTRATOR",
	"message": sprintf(`the role "Vendor" can %s (%s)`, [concat("; ", powers), concat(", ", names)]),
	"subject": fixture.subject,
	"evidence": {"powers": powers, "privileges": names},
	"fix": {
		"kind": "remove-privilege",
		"role": {"id": "role", "name": "Vendor"},
		"privileges": [{"name": name, "depth": "global"} | some name in names],
	},
}

test_success_role_without_powers if {
	administrator.findings == set() with input as fixture.good with data.profiles as fixture.profiles
	administrator.not_applicable == set() with input as fixture.good with data.profiles as fixture.profiles
}

test_success_half_of_a_power if {
	every name in ["prvWriteRole", "prvCreateRole", "prvAssignRole", "prvImportCustomization", "prvPublishCustomization"] {
		administrator.findings == set() with input as _of([name]) with data.profiles as fixture.profiles
	}
}

test_fail_each_power if {
	every held, power in {
		["prvAssignRole", "prvWriteRole"]: "change and assign security roles",
		["prvAssignRole", "prvCreateRole"]: "change and assign security roles",
		["prvPromoteToAdmin"]: "make users administrators",
		["prvWriteOrganization"]: "change the organization's settings",
		["prvImportCustomization", "prvPublishCustomization"]: "import and publish customizations",
	} {
		administrator.findings == {_finding([power], held)} with input as _of(held)
			with data.profiles as fixture.profiles
	}
}

test_fail_two_powers_are_one_finding if {
	administrator.findings == {_finding(
		["change the organization's settings", "make users administrators"],
		["prvPromoteToAdmin", "prvWriteOrganization"],
	)} with input as _of(["prvPromoteToAdmin", "prvWriteOrganization", "prvReadAccount"])
		with data.profiles as fixture.profiles
}

test_success_required_or_allowed_privileges if {
	administrator.findings == set() with input as _of(["prvPromoteToAdmin"])
		with data.profiles as object.union(fixture.profiles, {"vendor": {"allow": ["prvPromoteToAdmin"]}})
}

test_fail_a_role_that_is_not_the_integration_role if {
	file := json.patch(_of(["prvPromoteToAdmin"]), [{"op": "replace", "path": "/requirement/role", "value": "Other"}])
	administrator.findings == {_finding(["make users administrators"], ["prvPromoteToAdmin"])} with input as file
		with data.profiles as fixture.profiles
}
