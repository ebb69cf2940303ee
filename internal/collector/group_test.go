package collector_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// withOthers adds n integrations to the one of the enlarged environment. Each is an application user
// with a role, some also through a team.
func withOthers(o collector.Options, n int) []collector.Options {
	all := []collector.Options{o}
	for i := range n {
		other := o
		other.Pattern, other.Privileges = fmt.Sprint("vendor ", i), o.Privileges[i:len(o.Privileges)/2+i]
		other.Requirement = snapshot.Requirement{
			Profile: fmt.Sprint("vendor-", i), ApplicationID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i),
		}
		all = append(all, other)
	}
	return all
}

// distinctRoles returns how many roles had their privileges read.
func distinctRoles(all []*snapshot.Snapshot) int {
	roots := map[string]bool{}
	for _, s := range all {
		for root := range s.RolePrivileges {
			roots[root] = true
		}
	}
	return len(roots)
}

// Several integrations together cost as much as one, one more request for each role, and two for each
// integration: the views that its user sees, and the proof of the impersonation.
func TestCostOfGroup(t *testing.T) {
	t.Parallel()
	var flat []string
	for _, factor := range []int{1, 10, 100} {
		var calls counter
		env := enlarged(t, factor)
		for _, role := range env.Roles {
			if strings.HasPrefix(role.Name, "Role ") {
				role.Privileges["prvReadUserQuery"] = simulator.DepthBasic
			}
		}
		l := newLab(t, env, labOptions{simulator: simulator.Options{Observe: calls.observe}})
		l.options.Requirement.Views = l.options.Requirement.Views[:1]
		for k, n := range []int{1, 3, 8} {
			all := withOthers(l.options, n-1)
			rec := newRecording(l)
			snapshots, err := collector.CollectAll(t.Context(), rec.record(l.client), all)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range snapshots {
				wantComplete(t, s)
			}
			requests, roles, deep := len(calls.take()), distinctRoles(snapshots), rounds(t, rec, all...)
			if most := 12 + roles + 2 + 2*n; requests > most {
				t.Errorf("×%d, %d integrations, %d roles, 1 owner: %d requests, more than %d", factor, n, roles, requests, most)
			}
			if deep > 4 {
				t.Errorf("×%d, %d integrations: %d requests follow one another, more than 4", factor, n, deep)
			}
			flat = append(flat, fmt.Sprintf("%d integrations, 1 owner: %d requests and one for each role, in %d rounds", n, requests-roles, deep))
			if line := flat[len(flat)-1]; line != flat[k] {
				t.Errorf("the cost grows with the environment: %s, then %s", flat[k], line)
			}
		}
	}
	t.Log(strings.Join(flat[:3], "; "))
}

// Each of several integrations gets the same snapshot as alone, byte for byte, whatever the others
// need and whatever fails for them.
func TestTogetherAsAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t, enlarged(t, 1), labOptions{})
	base := l.options
	owners := []string{"jane@contoso.com", "amir@contoso.com", "", "nobody@contoso.com"}
	alone := map[string]string{}
	for seed := range uint64(25) {
		random := rand.New(rand.NewPCG(seed, 1))
		var all []collector.Options
		for i := range 1 + random.IntN(6) {
			o := base
			o.Privileges = base.Privileges[:1+random.IntN(len(base.Privileges))]
			o.Requirement = snapshot.Requirement{Profile: fmt.Sprint("p", i)}
			switch random.IntN(4) {
			case 0:
				o.Requirement.ApplicationID = base.Requirement.ApplicationID
			case 1: // an application user that has the same role as another, or does not exist
				o.Requirement.ApplicationID = fmt.Sprintf("%08d-0000-4000-8000-000000000000", random.IntN(12))
			case 2:
				o.Requirement.User = owners[random.IntN(len(owners))]
			case 3:
				o.Pattern = []string{"demandbase", "app 1", "app", "nobody"}[random.IntN(4)]
			}
			o.Requirement.Role = []string{"", "", base.Requirement.Role, "Role 1", "Third", "No such role"}[random.IntN(6)]
			o.Requirement.BusinessUnit = []string{"", "Unit 0", "Unit 2"}[random.IntN(3)]
			for _, v := range base.Requirement.Views {
				if random.IntN(2) == 0 {
					v.Owner = owners[random.IntN(len(owners))]
					o.Requirement.Views = append(o.Requirement.Views, v)
				}
			}
			if random.IntN(2) == 0 {
				o.Requirement.Views = append(o.Requirement.Views, snapshot.RequiredView{Table: "account", Name: fmt.Sprint("view ", random.IntN(10))})
			}
			all = append(all, o)
		}
		together, err := collector.CollectAll(t.Context(), l.client, all)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range all {
			key := fmt.Sprint(o.Pattern, len(o.Privileges), o.Requirement)
			if alone[key] == "" {
				l.options = o
				alone[key] = encode(t, l.collect(nil))
			}
			if got := encode(t, together[i]); got != alone[key] {
				t.Fatalf("seed %d, integration %d of %d (%+v):\n%s", seed, i, len(all), o.Requirement, firstDifference(got, alone[key]))
			}
		}
	}
}

// firstDifference returns the first line that differs.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] && !strings.Contains(a[i], `"digest"`) {
			return fmt.Sprintf("line %d: together %s, alone %s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines together, %d alone", len(a), len(b))
}
