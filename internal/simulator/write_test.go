package simulator_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

type obj = map[string]any

// privilegeID returns the id of a standard privilege.
func privilegeID(t *testing.T, name string) string {
	t.Helper()
	for _, p := range simulator.StandardPrivileges() {
		if p.Name == name {
			return p.ID
		}
	}
	t.Fatalf("no privilege %s", name)
	return ""
}

func grants(t *testing.T, pairs ...string) obj {
	t.Helper()
	var list []obj
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, obj{"PrivilegeId": privilegeID(t, pairs[i]), "Depth": pairs[i+1]})
	}
	return obj{"Privileges": list}
}

func state(t *testing.T, server *simulator.Server) []byte {
	t.Helper()
	data, err := server.CanonicalState()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// createdID returns the id of the row that a request created.
func createdID(t *testing.T, r response) string {
	t.Helper()
	r.expect(t, "create", http.StatusNoContent, "-")
	address := r.header.Get("OData-EntityId")
	_, id, ok := strings.Cut(strings.TrimSuffix(address, ")"), "(")
	if !ok {
		t.Fatalf("OData-EntityId %q", address)
	}
	return id
}

func TestRoleLifeCycle(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "compliant")
	root := server.Environment().BusinessUnit("Contoso").ID
	before := state(t, server)
	id := createdID(t, admin.do("POST", "roles", obj{"name": "New", "businessunitid@odata.bind": "/businessunits(" + root + ")"}))
	if got := server.Environment().Role("New"); got == nil || len(got.Privileges) != 9 {
		t.Fatalf("a new role has the nine defaults: %+v", got)
	}
	admin.do("POST", "roles", obj{"name": "new", "businessunitid@odata.bind": "/businessunits(" + root + ")"}).expect(t, "the name again", 400, "0x80041403")
	bound := "roles(" + id + ")/Microsoft.Dynamics.CRM."
	admin.do("POST", bound+"AddPrivilegesRole", grants(t, "prvReadAccount", "Local", "prvReadUserQuery", "Basic")).expect(t, "add", 204, "-")
	admin.do("POST", bound+"AddPrivilegesRole", grants(t, "prvReadAccount", "Global")).expect(t, "raise", 204, "-")
	if got := server.Environment().Role("New").Privileges; got["prvReadAccount"] != simulator.DepthGlobal || got["prvReadUserQuery"] != simulator.DepthBasic {
		t.Errorf("granted %v", got)
	}
	admin.do("POST", bound+"AddPrivilegesRole", grants(t, "prvReadUserQuery", "Global")).expect(t, "a depth that is not allowed", 403, "0x800404bb")
	admin.do("POST", bound+"AddPrivilegesRole", obj{"Privileges": []obj{{"PrivilegeId": root, "Depth": "Global"}}}).expect(t, "no privilege", 400, "0x800404ce")
	admin.do("POST", bound+"RemovePrivilegeRole", obj{"PrivilegeId": privilegeID(t, "prvReadAccount")}).expect(t, "PrivilegeId", 400, "0x80048d19")
	for _, name := range []string{"prvReadAccount", "prvReadSharePointData"} {
		admin.do("POST", bound+"RemovePrivilegeRole", obj{"Privilege": obj{"privilegeid": privilegeID(t, name)}}).expect(t, "remove "+name, 204, "-")
		if got := server.Environment().Role("New").Privileges[name]; got != simulator.DepthNone {
			t.Errorf("%s is still granted: %s", name, got)
		}
	}
	admin.do("POST", bound+"AddPrivilegesRole", grants(t, "prvReadLead", "Deep")).expect(t, "add", 204, "-")
	if got := server.Environment().Role("New").Privileges["prvReadSharePointData"]; got != simulator.DepthGlobal {
		t.Error("adding a privilege does not restore the SharePoint defaults")
	}
	admin.do("POST", bound+"ReplacePrivilegesRole", grants(t, "prvReadLead", "Global")).expect(t, "an unsupported action", 404, "0x80060888")
	r := admin.get("roles(" + id + ")?$select=name").json(t)
	admin.with("If-Match", `W/"1"`).do("PATCH", "roles("+id+")", obj{"name": "Newer"}).expect(t, "another version", 412, "0x80060882")
	admin.with("If-Match", r["@odata.etag"].(string)).do("PATCH", "roles("+id+")", obj{"name": "Newer"}).expect(t, "this version", 204, "-")
	if admin.get("roles(" + id + ")?$select=name").json(t)["@odata.etag"] == r["@odata.etag"] {
		t.Error("a changed row has the same etag")
	}
	admin.do("DELETE", "roles("+id+")", nil).expect(t, "delete", 204, "-")
	if got := state(t, server); !bytes.Equal(got, before) {
		t.Error("the state has changed")
	}
	admin.with("If-Match", "*").do("PATCH", "roles("+id+")", obj{"name": "Newer"}).expect(t, "no row to match", 404, "0x80040217")
	admin.do("PATCH", "roles("+id+")", obj{"name": "Newer"}).expect(t, "no row to change", 404, "0x80040217")
}

func TestRolesThatCannotBeEdited(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "compliant")
	before := state(t, server)
	env := server.Environment()
	inherited := admin.rows("roles?$select=roleid&$filter=name eq 'Demandbase Integration' and _parentroleid_value ne null")[0]["roleid"].(string)
	for name, tt := range map[string]struct {
		id     string
		status int
		code   string
	}{
		"System Administrator":  {env.Role("System Administrator").ID, 403, ""},
		"an inherited copy":     {inherited, 400, "0x80044152"},
		"a locked managed role": {env.Role("Support User").ID, 403, ""},
		"no role":               {"00000000-0000-0000-0000-000000000001", 404, "0x80040217"},
	} {
		admin.do("POST", "roles("+tt.id+")/Microsoft.Dynamics.CRM.AddPrivilegesRole", grants(t, "prvReadAccount", "Global")).expect(t, name+": add", tt.status, tt.code)
		admin.do("POST", "roles("+tt.id+")/Microsoft.Dynamics.CRM.RemovePrivilegeRole", obj{"Privilege": obj{"privilegeid": privilegeID(t, "prvReadAccount")}}).expect(t, name+": remove", tt.status, tt.code)
		admin.with("If-Match", "*").do("PATCH", "roles("+tt.id+")", obj{"name": "x"}).expect(t, name+": rename", tt.status, tt.code)
		admin.do("DELETE", "roles("+tt.id+")", nil).expect(t, name+": delete", tt.status, tt.code)
	}
	if !bytes.Equal(before, state(t, server)) {
		t.Error("a refused write changes the state")
	}
}

// ref returns the body that refers to a role in an association.
func ref(server *simulator.Server, role string) obj {
	return obj{"@odata.id": server.URL() + "/api/data/v9.2/roles(" + role + ")"}
}

func TestAssignments(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "compliant")
	env := server.Environment()
	before := state(t, server)
	role := env.Role("Marketing Manager").ID
	user := env.ApplicationUser("Demandbase Integration").ID
	nav := "systemusers(" + user + ")/systemuserroles_association"
	admin.do("POST", nav+"/$ref", ref(server, role)).expect(t, "assign", 204, "-")
	admin.do("POST", nav+"/$ref", ref(server, role)).expect(t, "assign again", 412, "0x80040237")
	if got := server.Environment().ApplicationUser("Demandbase Integration").Roles; len(got) != 2 || got[1].Role != "Marketing Manager" || got[1].BusinessUnit != "" {
		t.Errorf("roles %+v", got)
	}
	admin.do("DELETE", nav+"("+role+")/$ref", nil).expect(t, "unassign", 204, "-")
	admin.do("DELETE", nav+"("+role+")/$ref", nil).expect(t, "unassign again", 404, "0x80040217")
	admin.do("POST", nav+"/$ref", obj{"@odata.id": "roles(" + role + ")"}).expect(t, "a relative address", 400, "0x80048d19")
	if !bytes.Equal(before, state(t, server)) {
		t.Error("the state has changed")
	}
	// The copy of the role must be that of the user's business unit.
	copies := map[string]string{}
	for _, row := range admin.rows("roles?$select=roleid,_businessunitid_value&$filter=name eq 'Marketing Manager'") {
		copies[env.BusinessUnit(row["_businessunitid_value"].(string)).Name] = row["roleid"].(string)
	}
	admin.do("POST", nav+"/$ref", ref(server, copies["Europe"])).expect(t, "another unit's copy", 400, "")
	mutate(t, server, func(e *simulator.Environment) { e.Organization.RecordOwnershipAcrossBusinessUnits = simulator.On })
	admin.do("POST", nav+"/$ref", ref(server, copies["Europe"])).expect(t, "another unit's copy with ownership across units", 204, "-")
	if got := server.Environment().ApplicationUser("Demandbase Integration").Roles; len(got) != 2 || got[1].BusinessUnit != "Europe" {
		t.Errorf("roles %+v", got)
	}
	mutate(t, server, func(e *simulator.Environment) { e.ApplicationUser("Demandbase Integration").Disabled = true })
	admin.do("POST", nav+"/$ref", ref(server, role)).expect(t, "a disabled user", 400, "0x80040225")
}

func TestCannotGrantMoreThanOwnPrivileges(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.Roles = append(e.Roles, simulator.Role{Name: "Role Editor", Privileges: simulator.Grants{
			"prvReadRole": simulator.DepthGlobal, "prvWriteRole": simulator.DepthGlobal, "prvAssignRole": simulator.DepthGlobal,
			"prvReadUser": simulator.DepthGlobal, "prvReadLead": simulator.DepthLocal,
		}})
		e.ApplicationUser("dbaudit").Roles = []simulator.RoleAssignment{{Role: "Role Editor"}}
	})
	editor := signIn(t, server, "dbaudit")
	env := server.Environment()
	role := env.Role("dbaudit Auditor").ID
	action := "roles(" + role + ")/Microsoft.Dynamics.CRM.AddPrivilegesRole"
	editor.do("POST", action, grants(t, "prvReadLead", "Local")).expect(t, "at the caller's depth", 204, "-")
	editor.do("POST", action, grants(t, "prvReadLead", "Global")).expect(t, "deeper than the caller's", 403, "0x80040220")
	editor.do("POST", action, grants(t, "prvReadContact", "Basic")).expect(t, "without the privilege", 403, "0x80040220")
	nav := "systemusers(" + env.ApplicationUser("Power BI Gateway").ID + ")/systemuserroles_association/$ref"
	editor.do("POST", nav, ref(server, env.Role("Salesperson").ID)).expect(t, "a role with more privileges", 403, "0x80040220")
	editor.do("POST", nav, ref(server, env.Role("Role Editor").ID)).expect(t, "the caller's own role", 204, "-")
	editor.do("POST", "roles", obj{"name": "x"}).expect(t, "create without prvCreateRole", 403, "0x80040220")
	mutate(t, server, func(e *simulator.Environment) { delete(e.Role("Role Editor").Privileges, "prvAssignRole") })
	editor.do("DELETE", strings.TrimSuffix(nav, "/$ref")+"("+env.Role("Role Editor").ID+")/$ref", nil).expect(t, "unassign without prvAssignRole", 403, "0x80040220")
}

func TestApplicationUserLifeCycle(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.Clients = append(e.Clients, simulator.Client{Name: "Newcomer", ApplicationID: "12121212-1212-4212-8212-121212121212", Secret: "x"})
	})
	admin := signIn(t, server, "dbaudit apply")
	before := state(t, server)
	root := server.Environment().BusinessUnit("Contoso").ID
	body := obj{"applicationid": "12121212-1212-4212-8212-121212121212", "accessmode": 4, "isdisabled": false, "businessunitid@odata.bind": "/businessunits(" + root + ")"}
	r := admin.with("Prefer", "return=representation").do("POST", "systemusers?$select=fullname", body)
	r.expect(t, "create", http.StatusCreated, "-")
	if r.json(t)["fullname"] != "Newcomer" {
		t.Errorf("got %s", r.body)
	}
	id := r.json(t)["systemuserid"].(string)
	admin.do("POST", "systemusers", body).expect(t, "the same application", 412, "0x80040237")
	signIn(t, server, "Newcomer").get("WhoAmI").expect(t, "without a role", 403, "0x80042f09")
	admin.do("DELETE", "systemusers("+id+")", nil).expect(t, "delete an enabled user", 400, "")
	admin.with("If-Match", "*").do("PATCH", "systemusers("+id+")", obj{"isdisabled": true}).expect(t, "disable", 204, "-")
	admin.do("DELETE", "systemusers("+id+")", nil).expect(t, "delete softly", 204, "-")
	if got := admin.get("systemusers(" + id + ")?$select=deletedstate").json(t)["deletedstate"]; got != 1.0 {
		t.Errorf("deletedstate %v", got)
	}
	admin.do("POST", "systemusers", body).expect(t, "the application of a deleted user", 412, "0x80040237")
	admin.do("DELETE", "systemusers("+id+")", nil).expect(t, "delete permanently", 204, "-")
	if !bytes.Equal(before, state(t, server)) {
		t.Error("the state has changed")
	}
	admin.do("POST", "systemusers", obj{"applicationid": body["applicationid"]}).expect(t, "no business unit", 400, "0x80048d19")
	admin.do("POST", "systemusers", obj{"nonsense": 1}).expect(t, "no property", 400, "0x80048d19")
}

func shareBody(view, principal, kind, mask string) obj {
	return obj{
		"Target":          obj{"@odata.type": "Microsoft.Dynamics.CRM.userquery", "userqueryid": view},
		"PrincipalAccess": obj{"AccessMask": mask, "Principal": obj{"@odata.type": "Microsoft.Dynamics.CRM." + kind, kind + "id": principal}},
	}
}

func TestSharing(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "sample")
	env := server.Environment()
	jane := admin.as("CallerObjectId", env.User("jane@contoso.com").EntraObjectID)
	before := state(t, server)
	integration := env.ApplicationUser("Demandbase Integration")
	view := env.PersonalView("contact", "Demandbase Contacts").ID
	body := shareBody(view, integration.ID, "systemuser", "ReadAccess")
	admin.do("POST", "GrantAccess", body).expect(t, "a view that the administrator cannot read", 403, "0x80048306")
	jane.do("POST", "GrantAccess", body).expect(t, "by its owner", 204, "-")
	jane.do("POST", "GrantAccess", shareBody(view, integration.ID, "systemuser", "WriteAccess")).expect(t, "further rights", 204, "-")
	access := func() simulator.Rights {
		for _, s := range server.Environment().PersonalView("contact", "Demandbase Contacts").Shares {
			if s.Principal == "Demandbase Integration" {
				return s.Access
			}
		}
		return 0
	}
	if got := access(); got != simulator.RightRead|simulator.RightWrite {
		t.Errorf("granted %v", got)
	}
	jane.do("POST", "ModifyAccess", body).expect(t, "modify", 204, "-")
	if got := access(); got != simulator.RightRead {
		t.Errorf("modified to %v", got)
	}
	jane.do("POST", "RevokeAccess", obj{"Target": body["Target"], "Revokee": obj{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": integration.ID}}).expect(t, "revoke", 204, "-")
	if !bytes.Equal(before, state(t, server)) {
		t.Error("the state has changed")
	}
	active := env.SystemView("account", "Active Accounts").ID
	system := obj{"Target": obj{"@odata.type": "Microsoft.Dynamics.CRM.savedquery", "savedqueryid": active}, "PrincipalAccess": body["PrincipalAccess"]}
	admin.do("POST", "GrantAccess", system).expect(t, "a system view", 400, "0x80048d19")
	jane.do("POST", "GrantAccess", shareBody(view, "00000000-0000-0000-0000-000000000001", "systemuser", "ReadAccess")).expect(t, "with an unknown user", 404, "0x80040217")
	jane.do("POST", "GrantAccess", shareBody(view, integration.ID, "systemuser", "EveryAccess")).expect(t, "an unknown right", 400, "0x80048d19")
	jane.do("POST", "GrantAccess", obj{"Target": body["Target"], "Who": 1}).expect(t, "an unknown parameter", 400, "0x80048d19")
	// A user with only the Read right on a view cannot share it.
	lead := env.PersonalView("lead", "Demandbase Leads").ID
	admin.as("CallerObjectId", integration.EntraObjectID).do("POST", "GrantAccess", shareBody(lead, env.User("jane@contoso.com").ID, "systemuser", "ReadAccess")).
		expect(t, "without the right to share", 403, "0x80048306")
	// The owner can activate a view.
	account := env.PersonalView("account", "Demandbase Accounts").ID
	jane.with("If-Match", "*").do("PATCH", "userqueries("+account+")", obj{"statecode": 0, "statuscode": 1}).expect(t, "activate", 204, "-")
	if server.Environment().PersonalView("account", "Demandbase Accounts").Inactive {
		t.Error("the view is not active")
	}
}

func TestInvalidWrites(t *testing.T) {
	_, c := startAs(t, "dbaudit apply", "compliant")
	c.do("POST", "roles", nil).expect(t, "no body", 415, "0x80060888")
	c.do("POST", "roles", []int{1}).expect(t, "an array", 400, "0x80048d19")
	c.do("PUT", "roles", obj{}).expect(t, "PUT", 405, "0x80060888")
	c.do("POST", "businessunits", obj{}).expect(t, "a read-only entity set", 405, "0x80060888")
	c.do("POST", "nonsense", obj{}).expect(t, "an unknown entity set", 405, "0x80060888")
}

// TestCreatedBy checks the user who created a row. For rows of the file it is the SYSTEM user.
func TestCreatedBy(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "compliant")
	env := server.Environment()
	maker := env.ApplicationUser(env.Suggest.Administrator).ID
	root := env.BusinessUnit("Contoso").ID
	bind := "/businessunits(" + root + ")"
	role := createdID(t, admin.do("POST", "roles", obj{"name": "New", "businessunitid@odata.bind": bind}))
	user := createdID(t, admin.do("POST", "systemusers", obj{
		"applicationid": "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a", "accessmode": 4, "businessunitid@odata.bind": bind,
	}))
	other := server.Environment().Role("dbaudit Auditor").ID
	for path, own := range map[string]bool{"roles(" + role + ")": true, "systemusers(" + user + ")": true, "roles(" + other + ")": false} {
		row := admin.get(path + "?$select=createdon,_createdby_value").json(t)
		if by, _ := row["_createdby_value"].(string); (by == maker) != own || by == "" {
			t.Errorf("%s was made by %q, and the caller is %q", path, by, maker)
		}
	}
}

// TestInheritedShares checks that the share table shows inherited rights, and that RevokeAccess keeps them.
func TestInheritedShares(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.PersonalView("account", "Demandbase Accounts").Shares = []simulator.Share{{
			Principal: "Demandbase Integration", Access: simulator.RightRead | simulator.RightWrite, Inherited: simulator.RightShare,
		}}
	})
	admin := signIn(t, server, "dbaudit apply")
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
	target := obj{"@odata.type": "Microsoft.Dynamics.CRM.userquery", "userqueryid": view.ID}
	principal := obj{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": user}
	owner := server.Environment().User(view.Owner)
	as := admin.as("MSCRMCallerID", owner.ID)
	as.do("POST", "RevokeAccess", obj{"Target": target, "Revokee": principal}).expect(t, "revoking", http.StatusNoContent, "-")
	if got, want := masks(), [2]any{0.0, 262144.0}; got != want {
		t.Errorf("after RevokeAccess: %v, want %v", got, want)
	}
}
