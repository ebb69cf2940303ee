package dbaudit.words_test

import data.dbaudit.access
import data.dbaudit.words

test_each_depth_has_a_level if {
	object.keys(words.levels) == object.keys(access.rank)
	words.levels.deep == "Parent: Child Business Units"
}

test_rights_are_named_as_in_the_editor if {
	words.right("prvReadAccount") == "Account – Read"
	words.right("prvAppendToLead") == "Lead – Append To"
	words.right("prvappendlead") == "lead – Append"
	words.right("prvReadUserQuery") == "Saved View – Read"
	words.right("prvReadKnowledgeArticle") == "Knowledge Article – Read"
	words.right("prvReadnew_BigThing") == "new_BigThing – Read"
	words.right("prvReadSharePointData") == "SharePoint Data – Read"
	words.right("Other") == "Other"
	words.right("prvActOnBehalfOfAnotherUser") == "Act on Behalf of Another User"
	words.right("prvRead") == "Read"
	words.right("prvBulkEdit") == "Bulk Edit"
}

test_names_in_lower_case if {
	words.lowered(["prvRead", "prvWRITE"]) == ["prvread", "prvwrite"]
	words.lowered({"É", "a"}) == ["a", "é"]
	words.lowered([]) == []
	words.lowered(["A\u0000B", "C"]) == ["a\u0000b", "c"]
}
