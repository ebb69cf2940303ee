package dbaudit.danger_test

import data.dbaudit.danger

test_names_are_in_lower_case_and_on_one_list if {
	every name, reason in danger._all {
		name == lower(name)
		reason != ""
	}
	object.keys(danger.always) & object.keys(danger._in_integrations) == set()
}

test_dangerous_privileges_of_an_integration if {
	danger.of_integration({
		"prvassignlead",
		"prvdeleteauditpartitions",
		"prvdeletelead",
		"prvreadlead",
		"prvsendasuser",
		"prvsharelead",
		"prvwriterole",
	}) == {
		"prvassignlead": "assign records to other owners",
		"prvdeleteauditpartitions": "delete the audit log",
		"prvdeletelead": "delete records",
		"prvsendasuser": "send e-mail as another user",
		"prvsharelead": "share records with others",
		"prvwriterole": "change security roles",
	}
}
