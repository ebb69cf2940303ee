package audit_test

import (
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func TestSplitPrivilege(t *testing.T) {
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

func TestLevelOf(t *testing.T) {
	for in, want := range map[string]string{"none": "None", "basic": "User", "local": "Business Unit", "deep": "Parent: Child Business Units", "global": "Organization", "other": "other"} {
		if got := audit.LevelOf(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// TestDepthNames checks that each depth is parsed as it is written, in documents and by the Web
// API. Other members of the API's enumeration count as not granted.
func TestDepthNames(t *testing.T) {
	for _, d := range audit.Depths() {
		if back, err := audit.ParseDepth(d.String()); back != d || err != nil || audit.DepthFromWire(d.Wire()) != d || audit.LevelOf(d.String()) != d.Level() {
			t.Errorf("%s, %s, %s: %s, %v", d, d.Wire(), d.Level(), back, err)
		}
	}
	for _, word := range []string{"", "None", "RecordFilter", "global", "4"} {
		if d := audit.DepthFromWire(word); d != audit.DepthNone {
			t.Errorf("%q is %s", word, d)
		}
	}
}
