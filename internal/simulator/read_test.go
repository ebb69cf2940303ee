package simulator_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

func TestChallenge(t *testing.T) {
	server, c := startAs(t, "dbaudit", "compliant")
	c.get("WhoAmI").expect(t, "with a token", http.StatusOK, "-")
	c.token = "stale"
	r := c.get("WhoAmI")
	r.expect(t, "with an unknown token", http.StatusUnauthorized, "-")
	want := "Bearer authorization_uri=" + server.AuthorityURL() + "/" + server.TenantID() + "/oauth2/authorize, resource_id=" + server.URL() + "/"
	if got := r.header.Get("WWW-Authenticate"); got != want {
		t.Errorf("challenge %q, want %q", got, want)
	}
}

func TestApplicationWithoutAccess(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.ApplicationUsers = slices.DeleteFunc(e.ApplicationUsers, func(u simulator.User) bool { return u.Name == "dbaudit" })
		e.ApplicationUser("dbaudit apply").Disabled = true
		e.ApplicationUser("Demandbase Integration").Roles = nil
	})
	signIn(t, server, "dbaudit").get("WhoAmI").expect(t, "no user", http.StatusForbidden, "0x80072560")
	signIn(t, server, "dbaudit apply").get("WhoAmI").expect(t, "disabled", http.StatusForbidden, "0x80048306")
	signIn(t, server, "Demandbase Integration").get("WhoAmI").expect(t, "no role", http.StatusForbidden, "0x80042f09")
}

func TestWhoAmI(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, nil)
	r := signIn(t, server, "dbaudit").get("WhoAmI")
	r.expect(t, "WhoAmI", http.StatusOK, "-")
	env := server.Environment()
	body := r.json(t)
	if body["UserId"] != env.ApplicationUser("dbaudit").ID || body["OrganizationId"] != env.Organization.ID || body["BusinessUnitId"] != env.BusinessUnit("Contoso").ID {
		t.Errorf("got %s", r.body)
	}
	if r.header.Get("x-ms-dop-hint") == "" {
		t.Error("no x-ms-dop-hint")
	}
}

func TestRowShape(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "compliant")
	env := server.Environment()
	r := admin.get("roles(" + env.Role("Demandbase Integration").ID + ")?$expand=systemuserroles_association($select=fullname)").json(t)
	if r["isinherited"] != 1.0 || r["ismanaged"] != false || r["_parentroleid_value"] != nil || r["_parentrootroleid_value"] != r["roleid"] {
		t.Errorf("role %v", r)
	}
	customizable, _ := r["iscustomizable"].(map[string]any)
	if customizable["Value"] != true || customizable["ManagedPropertyLogicalName"] != "iscustomizableanddeletable" {
		t.Errorf("iscustomizable %v", r["iscustomizable"])
	}
	if users, _ := r["systemuserroles_association"].([]any); len(users) != 1 {
		t.Errorf("systemuserroles_association %v", users)
	}
	if etag, _ := r["@odata.etag"].(string); !strings.HasPrefix(etag, `W/"`) {
		t.Errorf("etag %q", etag)
	}
	// Each business unit has a copy of the role.
	copies := admin.rows("roles?$select=roleid,_parentroleid_value,_parentrootroleid_value,_businessunitid_value&$filter=name eq 'Demandbase Integration'")
	if len(copies) != len(env.BusinessUnits) {
		t.Errorf("%d copies in %d business units", len(copies), len(env.BusinessUnits))
	}
}

func TestReadPrivileges(t *testing.T) {
	tests := map[string]string{
		"prvReadRole":                 "roles?$select=name",
		"prvReadUser":                 "systemusers?$select=fullname",
		"prvReadTeam":                 "teams?$select=name",
		"prvReadBusinessUnit":         "businessunits?$select=name",
		"prvReadOrganization":         "organizations?$select=name",
		"prvReadFieldSecurityProfile": "fieldsecurityprofiles?$select=name",
		"prvReadQuery":                "savedqueries?$select=name",
		"prvReadUserQuery":            "userqueries?$select=name",
	}
	server, auditor := startAs(t, "dbaudit", "compliant")
	for privilege, path := range tests {
		auditor.get(path).expect(t, path, http.StatusOK, "-")
		var depth simulator.Depth
		mutate(t, server, func(e *simulator.Environment) {
			depth = e.Role("dbaudit Auditor").Privileges[privilege]
			delete(e.Role("dbaudit Auditor").Privileges, privilege)
		})
		r := auditor.get(path)
		r.expect(t, path+" without "+privilege, http.StatusForbidden, "0x80040220")
		if _, message := r.refusal(t); !strings.Contains(message, "is missing "+privilege+" privilege (Id=") {
			t.Errorf("message %q", message)
		}
		mutate(t, server, func(e *simulator.Environment) { e.Role("dbaudit Auditor").Privileges[privilege] = depth })
	}
}

func mutate(t *testing.T, server *simulator.Server, change func(*simulator.Environment)) {
	t.Helper()
	if err := server.Mutate(change); err != nil {
		t.Fatal(err)
	}
}

func TestDepthLimitsRows(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.ApplicationUser("dbaudit").BusinessUnit = "Europe"
	})
	auditor := signIn(t, server, "dbaudit")
	for depth, want := range map[simulator.Depth][]any{
		simulator.DepthLocal:  {"Sofia Lindqvist", "dbaudit"},
		simulator.DepthDeep:   {"Jürgen Groß", "Sofia Lindqvist", "dbaudit"},
		simulator.DepthGlobal: {"Alex Wilber", "Amir Haddad", "Jane Doe", "Jürgen Groß", "Kim Park", "Sofia Lindqvist"},
	} {
		mutate(t, server, func(e *simulator.Environment) { e.Role("dbaudit Auditor").Privileges["prvReadUser"] = depth })
		filter := ""
		if depth == simulator.DepthGlobal {
			filter = "&$filter=applicationid eq null"
		}
		got := column(auditor.rows("systemusers?$select=fullname"+filter), "fullname")
		slices.SortFunc(got, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		if !slices.Equal(got, want) {
			t.Errorf("at %s: got %v, want %v", depth, got, want)
		}
	}
}

func TestVisiblePersonalViews(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, nil)
	env := server.Environment()
	admin, auditor := signIn(t, server, "dbaudit apply"), signIn(t, server, "dbaudit")
	names := func(c *client) []any { return column(c.rows("userqueries?$select=name"), "name") }
	if got := names(admin); len(got) != 0 {
		t.Errorf("the administrator sees %v", got)
	}
	want := []any{"Demandbase Accounts", "Demandbase Contacts", "Demandbase Leads"}
	if got := names(signIn(t, server, "Demandbase Integration")); !slices.Equal(got, want) {
		t.Errorf("the integration sees %v", got)
	}
	integration := env.ApplicationUser("Demandbase Integration")
	for header, id := range map[string]string{"CallerObjectId": integration.EntraObjectID, "MSCRMCallerID": integration.ID} {
		if got := names(auditor.as(header, id)); !slices.Equal(got, want) {
			t.Errorf("as the integration by %s: %v", header, got)
		}
	}
	// A team has a share of the contacts view, and owns another view.
	want = []any{"Demandbase Contacts", "Accounts without a contact"}
	if got := names(admin.as("CallerObjectId", env.User("alex@contoso.com").EntraObjectID)); !slices.Equal(got, want) {
		t.Errorf("a member of the team sees %v", got)
	}
}

func TestImpersonation(t *testing.T) {
	server, auditor := startAs(t, "dbaudit", "compliant")
	env := server.Environment()
	const header = "CallerObjectId"
	kim, jane := env.User("kim@contoso.com").EntraObjectID, env.User("jane@contoso.com").EntraObjectID
	auditor.as(header, kim).get("WhoAmI").expect(t, "as a disabled user", http.StatusForbidden, "0x80040225")
	auditor.as(header, "11111111-1111-1111-1111-111111111111").get("WhoAmI").expect(t, "as nobody", http.StatusForbidden, "0x80072560")
	r := auditor.as(header, jane).get("WhoAmI")
	r.expect(t, "as Jane", http.StatusOK, "-")
	if r.json(t)["UserId"] != env.User("jane@contoso.com").ID {
		t.Errorf("as Jane: %s", r.body)
	}
	// The impersonator and the impersonated user both need the privilege.
	auditor.as(header, jane).get("fieldsecurityprofiles?$select=name").expect(t, "without the privilege of Jane", http.StatusForbidden, "0x80040220")
	auditor.as(header, jane).get("userqueries?$select=name").expect(t, "with the privilege of both", http.StatusOK, "-")
	mutate(t, server, func(e *simulator.Environment) { e.User("jane@contoso.com").Roles = nil })
	auditor.as(header, jane).get("WhoAmI").expect(t, "as a user with a role through a team only", http.StatusOK, "-")
	mutate(t, server, func(e *simulator.Environment) { delete(e.Role("dbaudit Auditor").Privileges, "prvReadUserQuery") })
	auditor.as(header, jane).get("userqueries?$select=name").expect(t, "without the privilege of the auditor", http.StatusForbidden, "0x80040220")
	mutate(t, server, func(e *simulator.Environment) {
		delete(e.Role("dbaudit Auditor").Privileges, "prvActOnBehalfOfAnotherUser")
		e.Teams = append(e.Teams, simulator.Team{Name: "Delegates", Roles: []simulator.RoleAssignment{{Role: "Delegate"}}, Members: []string{"dbaudit"}})
	})
	auditor.as(header, jane).get("WhoAmI").expect(t, "with the privilege through a team", http.StatusForbidden, "0x8004a110")
}

func TestRolePrivileges(t *testing.T) {
	server, auditor := startAs(t, "dbaudit", "sample")
	env := server.Environment()
	copies := auditor.rows("roles?$select=roleid&$filter=name eq 'Demandbase Integration'")
	for _, row := range copies {
		id := row["roleid"].(string)
		for _, call := range []string{"RetrieveRolePrivilegesRole(RoleId=@id)?@id=" + id, "RetrieveRolePrivilegesRole(RoleId=" + id + ")"} {
			r := auditor.get(call)
			r.expect(t, call, http.StatusOK, "-")
			got := map[string]string{}
			for _, row := range r.json(t)["RolePrivileges"].([]any) {
				row := row.(map[string]any)
				got[row["PrivilegeName"].(string)] = row["Depth"].(string)
			}
			if len(got) != len(env.Role("Demandbase Integration").Privileges) || got["prvReadAccount"] != "Local" || got["prvReadUserQuery"] != "Basic" || got["prvReadList"] != "Global" {
				t.Errorf("%s: %v", call, got)
			}
		}
	}
	rows := auditor.rows("roleprivilegescollection?$select=privilegeid,privilegedepthmask&$filter=roleid eq " + env.Role("Demandbase Integration").ID)
	if len(rows) != len(env.Role("Demandbase Integration").Privileges) {
		t.Errorf("%d rows in the intersect table", len(rows))
	}
}

// depthOf returns the depth of a privilege of the auditor, or "".
func depthOf(t *testing.T, c *client, privilege string) string {
	t.Helper()
	id := c.server.Environment().ApplicationUser("a0d17a0d-17a0-4d17-8a0d-17a0d17a0d17").ID
	r := c.get("systemusers(" + id + `)/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)?@p=["` + privilege + `"]`)
	r.expect(t, "RetrieveUserSetOfPrivilegesByNames", http.StatusOK, "-")
	rows := r.json(t)["RolePrivileges"].([]any)
	if len(rows) == 0 {
		return ""
	}
	return rows[0].(map[string]any)["Depth"].(string)
}

func TestEffectivePrivileges(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.Roles = append(e.Roles, simulator.Role{Name: "Extra", Privileges: simulator.Grants{
			"prvReadAccount": simulator.DepthBasic, "prvReadLead": simulator.DepthLocal,
		}})
		e.Teams = append(e.Teams, simulator.Team{Name: "Auditors", Roles: []simulator.RoleAssignment{{Role: "Extra"}}, Members: []string{"dbaudit"}})
	})
	admin := signIn(t, server, "dbaudit apply")
	if got := depthOf(t, admin, "prvReadAccount"); got != "Basic" {
		t.Errorf("Basic through a team, with an inherited role: %q", got)
	}
	mutate(t, server, func(e *simulator.Environment) { e.Role("Extra").TeamPrivilegesOnly = true })
	if got := depthOf(t, admin, "prvReadAccount"); got != "" {
		t.Errorf("Basic through a team, with a role that is not inherited: %q", got)
	}
	if got := depthOf(t, admin, "prvReadLead"); got != "Local" {
		t.Errorf("Local through a team, with a role that is not inherited: %q", got)
	}
	mutate(t, server, func(e *simulator.Environment) {
		e.Role("dbaudit Auditor").Privileges["prvReadLead"] = simulator.DepthDeep
	})
	if got := depthOf(t, admin, "prvReadLead"); got != "Deep" {
		t.Errorf("the same privilege from two roles: %q", got)
	}
}

func TestShares(t *testing.T) {
	server, auditor := startAs(t, "dbaudit", "sample")
	env := server.Environment()
	integration := env.ApplicationUser("Demandbase Integration")
	rows := auditor.rows("principalobjectaccessset?$select=objectid,accessrightsmask,principaltypecode&$filter=principalid eq " + integration.ID + " and objecttypecode eq 'userquery'")
	if got := column(rows, "accessrightsmask"); !slices.Equal(got, []any{1.0, 3.0}) {
		t.Errorf("masks %v", got)
	}
	asIntegration := auditor.as("CallerObjectId", integration.EntraObjectID)
	lead := env.PersonalView("lead", "Demandbase Leads").ID
	body := asIntegration.get(`RetrieveSharedPrincipalsAndAccess(Target=@t)?@t={"@odata.id":"userqueries(` + lead + `)"}`).json(t)
	access := body["PrincipalAccesses"].([]any)[0].(map[string]any)
	if access["AccessMask"] != "ReadAccess, WriteAccess" || access["Principal"].(map[string]any)["systemuserid"] != integration.ID {
		t.Errorf("got %v", body)
	}
	contact := env.PersonalView("contact", "Demandbase Contacts").ID
	asIntegration.get(`RetrieveSharedPrincipalsAndAccess(Target=@t)?@t={"@odata.id":"userqueries(`+contact+`)"}`).expect(t, "a view that the caller cannot read", http.StatusForbidden, "0x80048306")
	asIntegration.get(`RetrieveSharedPrincipalsAndAccess(Target=@t)?@t={"@odata.id":"userquery(`+lead+`)"}`).expect(t, "a singular set", http.StatusNotFound, "0x80040217")
}

func TestOtherReads(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "sample")
	env := server.Environment()
	if got := admin.get("RetrieveVersion").json(t)["Version"]; got != env.Organization.Version {
		t.Errorf("version %v", got)
	}
	user, team := "systemusers("+env.User("jane@contoso.com").ID+")", "teams("+env.Team("Integrations").ID+")"
	for path, want := range map[string]string{
		user + "/teammembership_association?$select=name":               "Marketing Operations",
		user + "/systemuserprofiles_association?$select=name":           `"value":[]`,
		user + "/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()":       "prvReadCampaign",
		team + "/teamroles_association?$select=name":                    "System Customizer",
		"systemuserrolescollection?$select=roleid&$top=1":               `"systemuserroleid"`,
		"teamrolescollection?$select=teamid":                            `"teamroleid"`,
		"teammemberships?$select=systemuserid&$top=1":                   `"teammembershipid"`,
		"roles?$select=name&$filter=contains(name,'xyz')&$count=true":   `"@odata.count":0`,
		"roleprivilegescollection?$select=privilegedepthmask&$top=1000": `"privilegedepthmask":8`,
	} {
		r := admin.get(path)
		if r.status != http.StatusOK || !strings.Contains(strings.ReplaceAll(string(r.body), " ", ""), strings.ReplaceAll(want, " ", "")) {
			t.Errorf("%s: %d %s, want %s", path, r.status, r.body, want)
		}
	}
	admin.get(user+"/Microsoft.Dynamics.CRM.Nonsense()").expect(t, "no function", 404, "0x80060888")
	admin.get(user+"/Microsoft.Dynamics.CRM.RetrieveUserPrivileges").expect(t, "a function without parentheses", 404, "0x80060888")
	admin.get("RetrieveRolePrivilegesRole(RoleId=@a)").expect(t, "an alias without value", 404, "0x80060888")
	admin.get("RetrieveRolePrivilegesRole(Id=1)").expect(t, "no parameter", 404, "0x80060888")
}

// TestCustomizableUnknown checks that iscustomizable can be null.
func TestCustomizableUnknown(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.Role("Demandbase Integration").CustomizableUnknown = true
	})
	r := signIn(t, server, "dbaudit").rows("roles?$select=iscustomizable&$filter=name eq 'Demandbase Integration' and _parentroleid_value eq null")[0]
	if value, ok := r["iscustomizable"]; value != nil || !ok {
		t.Errorf("%v", r)
	}
}

// TestColumnSecurity checks the permissions of column security profiles, and the profiles of users and teams.
func TestColumnSecurity(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.ColumnSecurityProfiles = []simulator.ColumnSecurityProfile{{
			Name: "Finance", Members: []string{"Demandbase Integration"}, Teams: []string{"Marketing Operations"},
			Reads: []string{"account.creditlimit"}, Hides: []string{"lead.budgetamount"},
		}}
	})
	auditor := signIn(t, server, "dbaudit")
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
