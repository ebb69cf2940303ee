package cli_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// TestBesideStockOPA times `dbaudit check` and stock `opa eval` on the same
// snapshot of a whole environment with the same policies, in turn, and prints the
// ratio of the medians. `make bench` runs it; it judges nothing by the clock.
func TestBesideStockOPA(t *testing.T) {
	opa, dbaudit := *opaBinary, *dbauditBinary
	if opa == "" || dbaudit == "" {
		t.Skip("give -bench.opa and -bench.dbaudit, as make bench does")
	}
	for _, scale := range []int{1, 10} {
		file := filepath.Join(t.TempDir(), "snapshot.json")
		data := wholeEnvironment(t, scale)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var ours, stock []time.Duration
		for range 3 {
			ours = append(ours, timeOf(t, dbaudit, "check", file, "-f", "json", "-o", filepath.Join(t.TempDir(), "result.json"), "--fail-on", "none"))
			stock = append(stock, timeOf(t, opa, "eval", "-d", "../../policy/dbaudit", "-d", "../../policy/profiles", "-i", file, "-f", "raw", "data.dbaudit.findings"))
		}
		slices.Sort(ours)
		slices.Sort(stock)
		t.Logf("×%-2d %4d roles of 700 privileges, %3d MB: dbaudit check %v, opa eval %v: %.1f times as fast",
			scale, 300*scale, len(data)>>20, ours[1].Round(time.Millisecond), stock[1].Round(time.Millisecond),
			float64(stock[1])/float64(ours[1]))
	}
}

var (
	opaBinary     = flag.String("bench.opa", "", "stock opa to compare with")
	dbauditBinary = flag.String("bench.dbaudit", "", "dbaudit to measure")
)

func timeOf(t *testing.T, name string, args ...string) time.Duration {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return time.Since(began)
}

// wholeEnvironment is a snapshot of scope environment: 300 roles of 700
// privileges, 2,000 users and 20,000 shares, times the scale.
func wholeEnvironment(t *testing.T, scale int) []byte {
	t.Helper()
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	p := profiles[slices.IndexFunc(profiles, func(p profile.Profile) bool { return p.Name == "demandbase" })]
	s := snapshot.New()
	s.Scope, s.Source, s.TakenAt = snapshot.ScopeEnvironment, snapshot.SourceEnvironment, time.Unix(1.7e9, 0).UTC()
	s.Requirement.Profile = p.Name
	s.Environment = snapshot.Environment{Name: "contoso", URL: "https://contoso.crm.dynamics.com", OrganizationID: id(1, 1)}
	for _, section := range snapshot.Sections() {
		s.Coverage[section] = snapshot.Coverage{State: snapshot.StateCollected}
	}
	s.BusinessUnits[id(2, 1)] = snapshot.BusinessUnit{Name: "Contoso"}
	full := map[string]snapshot.Depth{}
	for i, name := range p.Minimum() {
		s.Privileges[name] = snapshot.Privilege{ID: id(3, i), Depths: []snapshot.Depth{snapshot.DepthGlobal}}
		full[name] = snapshot.DepthGlobal
	}
	for r := range 300 * scale {
		role := id(4, r)
		s.Roles[role] = snapshot.Role{BusinessUnitID: id(2, 1), Customizable: true, Name: fmt.Sprintf("Role %d", r), RootID: role}
		grants := map[string]snapshot.Depth{}
		for i := range 700 {
			grants[fmt.Sprintf("prvReadcontoso_Table%03d", i)] = snapshot.DepthGlobal
		}
		if r == 0 {
			grants = full
			s.Roles[role] = snapshot.Role{BusinessUnitID: id(2, 1), Customizable: true, Name: "Demandbase Integration", RootID: role}
		}
		s.RolePrivileges[role] = grants
	}
	for u := range 2000 * scale {
		s.Users[id(5, u)] = snapshot.User{
			AccessMode:    snapshot.AccessNonInteractive,
			ApplicationID: id(6, u), BusinessUnitID: id(2, 1), Name: fmt.Sprintf("User %d", u),
			Roles: []string{id(4, u%(300*scale))}, Teams: []string{},
		}
		shares := map[string]snapshot.Share{}
		for v := range 10 {
			shares[id(7, 10*u+v)] = snapshot.Share{Rights: []snapshot.Right{snapshot.RightRead}}
		}
		s.Shares[id(5, u)] = shares
	}
	integration := s.Users[id(5, 0)]
	integration.Name = "Demandbase"
	s.Users[id(5, 0)] = integration
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func id(kind, n int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, n) }
