package solution_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/solution"
	"github.com/dbaudit/dbaudit/policy"
	"github.com/dbaudit/dbaudit/schema/schematest"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func roleOf(t *testing.T, entries ...string) solution.Role {
	t.Helper()
	var b strings.Builder
	b.WriteString("<Role id=\"{0A}\" name=\"R\">\n<RolePrivileges>\n")
	for i := 0; i < len(entries); i += 2 {
		b.WriteString("<RolePrivilege name=\"" + entries[i] + "\" level=\"" + entries[i+1] + "\" />\n")
	}
	b.WriteString("</RolePrivileges></Role>")
	found := read(t, write(t, filepath.Join(t.TempDir(), "r.xml"), b.String()))
	if len(found.Faults) > 0 {
		t.Fatal(found.Faults[0])
	}
	found.Roles[0].File = "Roles/r.xml"
	return found.Roles[0]
}

func TestSnapshot(t *testing.T) {
	r := roleOf(t,
		"prvreadaccount", "Basic", "prvReadAccount", "Global", "prvReadcr7_thing", "Local", "prvREADcr7_thing", "Deep",
		"prvReadOrganisation", "Global", "prvReadContact", "Nonsense", "prvReadvendor_thing", "Local")
	minimum := solution.Minimum{
		Privileges: []string{"prvReadAccount", "prvReadContact", "prvReadVendor_Thing", "prvAppendToVendor_Thing", "prvReadVendor_Other", "prvReadVendor_Asked"},
		Depths:     map[string]audit.Depth{"prvReadVendor_Asked": audit.DepthLocal},
	}
	s, notes, err := r.Snapshot(snapshot.Requirement{Profile: "p"}, minimum, solution.NewPrivilegeTable(), snapshot.Tool{Name: "dbaudit"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]map[string]audit.Depth{"0a": {
		"prvReadAccount": audit.DepthGlobal, "prvReadcr7_thing": audit.DepthDeep,
		"prvReadOrganisation": audit.DepthGlobal, "prvReadVendor_Thing": audit.DepthLocal,
	}}, s.RolePrivileges); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
	all := audit.Depths()
	for name, want := range map[string][]audit.Depth{
		"prvReadAccount": all, "prvReadContact": all,
		"prvReadVendor_Thing": {}, "prvAppendToVendor_Thing": {}, "prvReadVendor_Other": {}, "prvReadVendor_Asked": all,
	} {
		if diff := cmp.Diff(want, s.Privileges[name].Depths); diff != "" {
			t.Errorf("depths of %s (-want +got):\n%s", name, diff)
		}
	}
	if len(notes) != 1 || !strings.Contains(notes[0], ": prvAppendToVendor_Thing, prvReadVendor_Other, prvReadVendor_Thing; for a missing one") {
		t.Errorf("notes: %q", notes)
	}
	if diff := cmp.Diff([]snapshot.RoleEntry{
		{Name: "prvreadaccount", Level: "Basic", Line: 3, Column: 1, Standard: "prvReadAccount"},
		{Name: "prvReadAccount", Level: "Global", Line: 4, Column: 1, Standard: "prvReadAccount"},
		{Name: "prvReadcr7_thing", Level: "Local", Line: 5, Column: 1},
		{Name: "prvREADcr7_thing", Level: "Deep", Line: 6, Column: 1},
		{Name: "prvReadOrganisation", Level: "Global", Line: 7, Column: 1, Nearest: "prvReadOrganization"},
		{Name: "prvReadContact", Level: "Nonsense", Line: 8, Column: 1, Standard: "prvReadContact"},
		{Name: "prvReadvendor_thing", Level: "Local", Line: 9, Column: 1, Standard: "prvReadVendor_Thing"},
	}, s.RoleEntries["0a"]); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if s.Coverage[snapshot.SectionRoles].State != snapshot.StateCollected || s.Coverage[snapshot.SectionUsers].State != snapshot.StateInapplicable {
		t.Errorf("coverage: %v", s.Coverage)
	}
	checkValid(t, s)
}

// checkValid checks that a snapshot matches its schema, and that it is read as it was written.
func checkValid(t *testing.T, s *snapshot.Snapshot) {
	t.Helper()
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := schematest.Compile(policy.Files, "schema/snapshot.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(document); err != nil {
		t.Errorf("the snapshot does not fit its schema: %v", err)
	}
	back, err := snapshot.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestSnapshotWithoutRole(t *testing.T) {
	s, err := solution.SnapshotWithoutRole("src", snapshot.Requirement{Profile: "p", Role: "R"}, solution.Minimum{Privileges: []string{"prvReadAccount", "prvReadx_y"}}, solution.NewPrivilegeTable(), snapshot.Tool{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Roles) != 0 || len(s.Privileges) != 2 || s.Requirement.Role != "R" {
		t.Errorf("got %+v", s)
	}
	checkValid(t, s)
}

func TestRoleWithoutAnID(t *testing.T) {
	r := read(t, write(t, filepath.Join(t.TempDir(), "r.xml"), `<Role name="My Role"/>`)).Roles[0]
	if r.Key() != "my role" {
		t.Errorf("got %q", r.Key())
	}
}

func TestPrivilegeTable(t *testing.T) {
	s := solution.NewPrivilegeTable()
	for name, want := range map[string]string{
		"prvReadAccount": "basic local deep global", "PRVREADUSERQUERY": "basic", "prvReadUser": "local deep global",
		"prvReadEntity": "global", "prvActOnBehalfOfAnotherUser": "", "prvReadnew_thing": "",
	} {
		var words []string
		for _, d := range s.Depths(name) {
			words = append(words, d.String())
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("depths of %s: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"prvReadAcount": "prvReadAccount", "prvReadAccuont": "prvReadAccount", "prvRaedAccount": "prvReadAccount",
		"prvReadOpportuntiy": "prvReadOpportunity", "prvReadTransactionCurency": "prvReadTransactionCurrency",
		"prvReadAccount ": "prvReadAccount", "prvReadTransactonCurency": "prvReadTransactionCurrency",
		"prvReadLeam": "prvReadLead or prvReadTeam", "readAccount": "prvReadAccount", "Flow": "prvFlow", "pvrReadAccount": "prvReadAccount", "prvReadContract": "", "prvAppendContractTemplate": "",
		"prvReadnew_account": "", "prvReadWidget": "", "prvWriteQueries": "", "prvX": "", "": "",
		"prvMerg": "prvMerge", "prvFlwo": "prvFlow", "prvPritn": "prvPrint", "prvFow": "", "prvSort": "",
	} {
		if got := s.Nearest(name); got != want {
			t.Errorf("nearest of %q: got %q, want %q", name, got, want)
		}
	}
	if spelt, ok := s.Spelling("PRVBULKEDIT"); !ok || spelt != "prvBulkEdit" {
		t.Errorf("got %q, %t", spelt, ok)
	}
}

// TestProfilesRequireStandardPrivileges checks that the built-in profiles require only standard
// privileges with known access levels.
func TestProfilesRequireStandardPrivileges(t *testing.T) {
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	s := solution.NewPrivilegeTable()
	for _, p := range profiles {
		for _, name := range p.Minimum() {
			if spelt, _ := s.Spelling(name); spelt != name || s.Depths(name) == nil {
				t.Errorf("%s: %s is spelt %q, with the levels %v", p.Name, name, spelt, s.Depths(name))
			}
			if asked, ok := p.Depths[name]; ok && !slices.Contains(s.Depths(name), asked) {
				t.Errorf("%s: %s is asked for at %s, which it does not allow", p.Name, name, asked)
			}
		}
	}
}
