package dbaudit.danger_test

import data.dbaudit.danger

test_names_are_in_lower_case_and_on_one_list if {
	every name, reason in danger._named {
		name == lower(name)
		reason != ""
	}
	object.keys(danger.always) & object.keys(danger._besides) == set()
}

test_dangers_of_an_integration if {
	danger.of_integration("prvsendasuser") == "send e-mail as another user"
	danger.of_integration("prvdeleteauditpartitions") == "delete the audit log"
	danger.of_integration("prvwriterole") == "change security roles"
	danger.of_integration("prvdeletelead") == "delete records"
	danger.of_integration("prvassignlead") == "assign records to other owners"
	danger.of_integration("prvsharelead") == "share records with others"
	not danger.of_integration("prvreadlead")
}
