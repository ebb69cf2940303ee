package snapshot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

const pattern = "demandbase"

// hostile is a name with all characters that JSON encoders treat differently.
const hostile = "a\"b\\u2028\\\\ufffd\x7f\u2028\u2029\ufffd<>&\x00\x1f\b\f\n\r\té😀\u202e}\n  },"

// sample returns a sealed snapshot with something in every section. Its integration user and role
// have to be deduced by their names.
func sample(t testing.TB) *snapshot.Snapshot {
	t.Helper()
	s := snapshot.New()
	s.Scope = snapshot.ScopeEnvironment
	s.Source = snapshot.SourceEnvironment
	s.TakenAt = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	s.Tool = snapshot.Tool{Name: "dbaudit", Version: "0.1.0"}
	s.Environment = snapshot.Environment{Name: "contoso", OrganizationID: "organization", URL: "https://contoso.crm.dynamics.com"}
	s.Organization = snapshot.Organization{ID: "organization", Name: hostile, OwnershipAcrossBusinessUnits: snapshot.SettingOff}
	for _, section := range snapshot.Sections() {
		s.Coverage[section] = snapshot.Coverage{State: snapshot.StateCollected}
	}
	s.Coverage[snapshot.SectionUserViews] = snapshot.Coverage{State: snapshot.StateForbidden, Detail: hostile}
	s.Requirement = snapshot.Requirement{
		Allow:   []string{"prvReadOrganization"},
		Depth:   map[string]audit.Depth{"prvReadAccount": audit.DepthLocal},
		Profile: "demandbase",
		Views:   []snapshot.RequiredView{{Name: hostile, Owner: "jane@contoso.com", Table: "account"}},
	}
	s.BusinessUnits["unit"] = snapshot.BusinessUnit{Name: hostile}
	s.BusinessUnits["child"] = snapshot.BusinessUnit{Name: "Sales", ParentID: "unit", Disabled: true}
	s.Privileges["prvReadAccount"] = snapshot.Privilege{ID: "privilege", Depths: audit.Depths()}
	s.Privileges["prvNone"] = snapshot.Privilege{ID: "none"}
	s.Users["user"] = snapshot.User{
		ApplicationID: "application", Name: "# Demandbase " + hostile, BusinessUnitID: "child",
		Roles: []string{"copy"}, Teams: []string{"team"},
	}
	s.Users["jane"] = snapshot.User{DomainName: "jane@contoso.com", Name: "Jane", Licensed: true}
	s.Users["ghost"] = snapshot.User{ApplicationID: "application", Name: "demandbase", Deleted: true, Roles: []string{"gone"}}
	s.Teams["team"] = snapshot.Team{Name: "Team", Roles: []string{"through-team"}, Type: 2}
	s.Teams["others"] = snapshot.Team{Name: "Others", Roles: []string{"others"}}
	role := func(id, root, name, template string) {
		s.Roles[id] = snapshot.Role{Name: name, RootID: root, TemplateID: template, Customizable: true, BusinessUnitID: "unit"}
	}
	role("root", "root", "Integration", "")
	role("copy", "root", "Integration", "")
	role("through-team", "through-team", "Basic User", "template")
	role("named", "named", "My DEMANDBASE role", "")
	role("others", "others", hostile, "")
	s.RolePrivileges["root"] = map[string]audit.Depth{"prvReadAccount": audit.DepthGlobal, "prvReadLead": audit.DepthBasic}
	s.RolePrivileges["through-team"] = map[string]audit.Depth{}
	s.RolePrivileges["named"] = map[string]audit.Depth{"prvReadLead": audit.DepthDeep}
	s.RolePrivileges["others"] = map[string]audit.Depth{"prvWriteRole": audit.DepthGlobal}
	s.RolePrivileges[hostile] = map[string]audit.Depth{hostile: audit.DepthGlobal}
	s.Views["view"] = snapshot.View{
		Name: hostile, Table: "account", OwnerID: "jane", Active: true,
		SeenBy: []snapshot.Viewer{snapshot.ViewerAuditor, snapshot.ViewerIntegrationUser, snapshot.ViewerOwner},
	}
	s.SystemViews["system"] = snapshot.SystemView{Name: hostile, Table: "lead"}
	s.Shares["user"] = map[string]snapshot.Share{"view": {Rights: snapshot.Rights()}, "hidden": {}}
	s.Shares["team"] = map[string]snapshot.Share{"view": {Rights: []snapshot.Right{snapshot.RightRead}}}
	s.Shares["jane"] = map[string]snapshot.Share{}
	s.RoleEntries = map[string][]snapshot.RoleEntry{"root": {{Column: 3, Level: hostile, Line: 4, Name: hostile}}}
	s.Users["nobody"] = snapshot.User{Name: "Nobody", DomainName: "nobody@contoso.com"}
	s.Shares[hostile] = map[string]snapshot.Share{hostile: {Rights: []snapshot.Right{snapshot.RightOther}}}
	seal(t, s)
	return s
}

// small returns a sealed snapshot in which the verdict needs everything.
func small(t testing.TB) *snapshot.Snapshot {
	t.Helper()
	s := snapshot.New()
	s.Scope, s.Source = snapshot.ScopeIntegration, snapshot.SourceEnvironment
	s.Users["u"] = snapshot.User{ApplicationID: "a", Name: "Demandbase", Roles: []string{"r"}}
	s.Roles["r"] = snapshot.Role{Name: "Role", RootID: "r"}
	s.RolePrivileges["r"] = map[string]audit.Depth{"prvReadLead": audit.DepthDeep}
	s.Shares["u"] = map[string]snapshot.Share{"v": {Rights: []snapshot.Right{snapshot.RightRead}}}
	seal(t, s)
	return s
}

func seal(t testing.TB, s *snapshot.Snapshot) {
	t.Helper()
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
}

func encode(t testing.TB, s *snapshot.Snapshot) []byte {
	t.Helper()
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// asTaken selects the requirement that the snapshot was taken with.
func asTaken(pattern string) snapshot.Selector {
	return func(s *snapshot.Snapshot) (snapshot.Requirement, string, error) { return s.Requirement, pattern, nil }
}

func decode(t testing.TB, data []byte, selector snapshot.Selector) *snapshot.Snapshot {
	t.Helper()
	s, err := snapshot.Decode(data, selector)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// environment returns a snapshot of a whole environment: the given number of roles with 700
// privileges each, and users and shares in proportion.
func environment(t testing.TB, roles int) *snapshot.Snapshot {
	t.Helper()
	s := sample(t)
	for r := range roles {
		id := fmt.Sprintf("00000000-0000-0000-0000-%012d", r)
		s.Roles[id] = snapshot.Role{Name: "Role " + id, RootID: id, BusinessUnitID: "unit"}
		grants := make(map[string]audit.Depth, 700)
		for p := range 700 {
			grants[fmt.Sprintf("prvRead%s%03d", strings.Repeat("Table", 3), p)] = audit.Depths()[p%4]
		}
		s.RolePrivileges[id] = grants
		for u := range 7 {
			user := fmt.Sprintf("00000000-0000-0000-%04d-%012d", u+1, r)
			s.Users[user] = snapshot.User{Name: "User " + user, DomainName: user + "@contoso.com", Roles: []string{id}}
			shares := map[string]snapshot.Share{}
			for v := range 10 {
				shares[fmt.Sprintf("%s-%d", user, v)] = snapshot.Share{Rights: []snapshot.Right{snapshot.RightRead}}
			}
			s.Shares[user] = shares
		}
	}
	seal(t, s)
	return s
}
