package dbaudit.rules.view.table_test

import data.dbaudit.rules.view.table
import data.dbaudit.testing

# The compliant snapshot with a required view of another table.
_of(name) := testing.changed({"/requirement/views/0/table": name})

test_success_accounts_contacts_and_leads if {
	table.findings == set() with input as testing.snapshot
	table.not_applicable == set() with input as testing.snapshot
	every name in ["account", "contact", "lead", "Lead"] {
		table.findings == set() with input as _of(name)
	}
}

test_fail_another_table if {
	table.findings == {{
		"control": "DB-VIEW-TABLE",
		"message": concat(" ", [
			`the required view "Demandbase Accounts" is of the table opportunity;`,
			"lists are made from account, contact, lead",
		]),
		"subject": {"kind": "required-view", "id": "", "name": "Demandbase Accounts", "table": "opportunity"},
		"evidence": {"table": "opportunity", "allowed": ["account", "contact", "lead"]},
		"fix": {
			"kind": "correct-configuration",
			"table": "opportunity",
			"view": {"name": "Demandbase Accounts"},
		},
	}} with input as _of("opportunity")
}

test_fail_only_a_view_of_another_table if {
	found := table.findings with input as testing.changed({"/requirement/views/1": {
		"name": "Cases",
		"owner": "",
		"table": "incident",
	}})
	{finding.subject.name | some finding in found} == {"Cases"}
}

test_not_applicable_without_user_or_requirement if {
	table.findings == set() with input as testing.no_user
	table.not_applicable == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
	table.not_applicable == {
		"the configuration requires no view",
	} with input as testing.changed({"/requirement/views": []})
}

test_not_applicable_is_not_a_finding if {
	table.findings == set() with input as testing.without(_of("opportunity"), ["/users/user"])
}
