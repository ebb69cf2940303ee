//go:build unix

package bench_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// measureEnvironment compares judging the snapshot of a whole environment with judging its slice, the part that a
// verdict needs. The bound allows the time to find the slice.
func measureEnvironment(t *testing.T) []figure {
	t.Helper()
	p := demandbase(t)
	e, err := engine.Load(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := snapshot.Decode(wholeEnvironment(t, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	judge := func(s *snapshot.Snapshot) func() run {
		return func() run {
			start := cpuTime(t)
			for range 20 {
				if _, err := e.Evaluate(t.Context(), s, p, engine.Options{}); err != nil {
					t.Fatal(err)
				}
			}
			return run{cpu: cpuTime(t) - start}
		}
	}
	all, part := alternate(5, judge(whole), judge(whole.Slice(p.Pattern)))
	return []figure{{"judging 300 roles, 2,000 users: CPU, of judging their slice", all.Seconds() / part.Seconds(), "", false, 2}}
}

// cpuTime returns the CPU time of this process.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func demandbase(t *testing.T) profile.Profile {
	t.Helper()
	p, ok, err := profile.BuiltinNamed(policy.Files, "demandbase")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return p
}

// wholeEnvironment returns a snapshot of scope environment with 300 roles of 700 privileges, 2,000 users and 20,000
// shares, each times scale.
func wholeEnvironment(t *testing.T, scale int) []byte {
	t.Helper()
	p := demandbase(t)
	s := snapshot.New()
	s.Scope, s.Source, s.TakenAt = snapshot.ScopeEnvironment, snapshot.SourceEnvironment, time.Unix(1.7e9, 0).UTC()
	s.Requirement.Profile = p.Name
	s.Environment = snapshot.Environment{Name: "contoso", URL: "https://contoso.crm.dynamics.com", OrganizationID: id(1, 1)}
	for _, section := range snapshot.Sections() {
		s.Coverage[section] = snapshot.Coverage{State: snapshot.StateCollected}
	}
	s.BusinessUnits[id(2, 1)] = snapshot.BusinessUnit{Name: "Contoso"}
	full := map[string]audit.Depth{}
	for i, name := range p.Minimum() {
		s.Privileges[name] = snapshot.Privilege{ID: id(3, i), Depths: []audit.Depth{audit.DepthGlobal}}
		full[name] = audit.DepthGlobal
	}
	for r := range 300 * scale {
		role := id(4, r)
		s.Roles[role] = snapshot.Role{BusinessUnitID: id(2, 1), Customizable: true, Name: fmt.Sprintf("Role %d", r), RootID: role}
		grants := map[string]audit.Depth{}
		for i := range 700 {
			grants[fmt.Sprintf("prvReadcontoso_Table%03d", i)] = audit.DepthGlobal
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
		if u == 0 {
			continue // a view that is shared with the integration would have to be in its list of views
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
