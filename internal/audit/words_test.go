package audit_test

import (
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func TestSplit(t *testing.T) {
	for in, want := range map[string][2]string{
		"prvReadAccount": {"Read", "Account"}, "prvAppendToLead": {"Append To", "Lead"}, "prvAppendLead": {"Append", "Lead"},
		"prvReadUserQuery": {"Read", "Saved View"}, "prvReadQuery": {"Read", "View"}, "prvWriteAttribute": {"Write", "Field"},
		"prvBulkEdit": {"", "Bulk Edit"}, "prvreadaccount": {"Read", "account"}, "prvAssignRole": {"Assign", "Role"},
		"prvActOnBehalfOfAnotherUser": {"", "Act on Behalf of Another User"}, "prvReadKnowledgeArticle": {"Read", "Knowledge Article"}, "prvReadnew_BigThing": {"Read", "new_BigThing"}, "prvReadSharePointDocument": {"Read", "SharePoint Document"}, "prvRead": {"", "Read"}, "": {"", ""}, "other": {"", "other"},
	} {
		if right, row := audit.SplitPrivilege(in); right != want[0] || row != want[1] {
			t.Errorf("%s: %q, %q", in, right, row)
		}
	}
}

func TestLevel(t *testing.T) {
	for in, want := range map[string]string{"none": "None", "basic": "User", "local": "Business Unit", "deep": "Parent: Child Business Units", "global": "Organization", "other": "other"} {
		if got := audit.Level(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
