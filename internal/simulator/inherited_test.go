package simulator_test

import (
	"net/http"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// The table shows inherited rights, and a change of the share does not remove them.
func TestInheritedShares(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.PersonalView("account", "Demandbase Accounts").Shares = []simulator.Share{{
			Principal: "Demandbase Integration", Access: simulator.RightRead | simulator.RightWrite, Inherited: simulator.RightShare,
		}}
	})
	admin := dial(t, server, "dbaudit apply")
	view := server.Environment().PersonalView("account", "Demandbase Accounts")
	user := server.Environment().ApplicationUser("Demandbase Integration").ID
	masks := func() [2]any {
		rows := admin.rows("principalobjectaccessset?$select=accessrightsmask,inheritedaccessrightsmask&$filter=objectid eq " + view.ID)
		if len(rows) != 1 {
			t.Fatalf("%d rows", len(rows))
		}
		return [2]any{rows[0]["accessrightsmask"], rows[0]["inheritedaccessrightsmask"]}
	}
	if got, want := masks(), [2]any{3.0, 262144.0}; got != want {
		t.Errorf("%v, want %v", got, want)
	}
	target := map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.userquery", "userqueryid": view.ID}
	principal := map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": user}
	owner := server.Environment().User(view.Owner)
	as := admin.as("MSCRMCallerID", owner.ID)
	as.do("POST", "RevokeAccess", map[string]any{"Target": target, "Revokee": principal}).want(t, "revoking", http.StatusNoContent, "-")
	if got, want := masks(), [2]any{0.0, 262144.0}; got != want {
		t.Errorf("after it was revoked: %v, want %v", got, want)
	}
}

// If iscustomizable is null, it is unknown whether a role can be edited.
func TestCustomizableUnknown(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.Role("Demandbase Integration").CustomizableUnknown = true
	})
	r := dial(t, server, "dbaudit").rows("roles?$select=iscustomizable&$filter=name eq 'Demandbase Integration' and _parentroleid_value eq null")[0]
	if value, ok := r["iscustomizable"]; value != nil || !ok {
		t.Errorf("%v", r)
	}
}

// A column in a profile is secured; users and teams have their profiles as navigation properties.
func TestColumnSecurity(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.ColumnSecurityProfiles = []simulator.ColumnSecurityProfile{{
			Name: "Finance", Members: []string{"Demandbase Integration"}, Teams: []string{"Marketing Operations"},
			Reads: []string{"account.creditlimit"}, Hides: []string{"lead.budgetamount"},
		}}
	})
	auditor := dial(t, server, "dbaudit")
	rows := auditor.rows("fieldpermissions?$select=entityname,attributelogicalname,canread,_fieldsecurityprofileid_value&$filter=entityname eq 'account' or entityname eq 'lead'")
	got := map[any]any{}
	for _, r := range rows {
		got[r["attributelogicalname"]] = r["canread"]
	}
	if len(rows) != 2 || got["creditlimit"] != 4.0 || got["budgetamount"] != 0.0 {
		t.Errorf("%v", rows)
	}
	user := server.Environment().ApplicationUser("Demandbase Integration").ID
	team := server.Environment().Team("Marketing Operations").ID
	for _, path := range []string{"systemusers(" + user + ")/systemuserprofiles_association", "teams(" + team + ")/teamprofiles_association"} {
		if rows := auditor.rows(path + "?$select=fieldsecurityprofileid,name"); len(rows) != 1 || rows[0]["name"] != "Finance" {
			t.Errorf("%s: %v", path, rows)
		}
	}
}
