package engine_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/solution"
	"github.com/dbaudit/dbaudit/policy"
)

// TestCacheChangesNoResult judges random roles of files and random environments twice each,
// concurrently and in any order. Each result must be that of an engine without caches.
func TestCacheChangesNoResult(t *testing.T) {
	t.Parallel()
	p := demandbase(t)
	loaded, err := engine.Load(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	standard := solution.NewPrivilegeTable()
	judge := func(e *engine.Engine, s *snapshot.Snapshot) (string, error) {
		result, err := e.Evaluate(t.Context(), s, p, engine.Options{})
		if err != nil {
			return err.Error(), nil //nolint:nilerr // an ambiguity has to be the same, too
		}
		data, err := json.Marshal(result)
		return string(data), err
	}
	rapid.Check(t, func(r *rapid.T) {
		var all []*snapshot.Snapshot
		for range rapid.IntRange(2, 3).Draw(r, "snapshots") {
			if rapid.Bool().Draw(r, "of a file") {
				all = append(all, randomRole(r, p, standard))
			} else if s := randomEnvironment(r, p); s.Check(p.Pattern) == nil {
				all = append(all, s)
			}
		}
		want := make([]string, len(all))
		for i, s := range all {
			if want[i], err = judge(loaded.WithoutCaches(), s); err != nil {
				r.Fatal(err)
			}
		}
		same := loaded.WithoutCaches()
		check := func(i int) error {
			got, err := judge(same, all[i])
			if diff := cmp.Diff(want[i], got); diff != "" {
				return fmt.Errorf("the result differs after other snapshots: -alone +after others\n%s", diff)
			}
			return err
		}
		var group errgroup.Group
		for _, i := range rapid.Permutation(append(order(len(all)), order(len(all))...)).Draw(r, "order") {
			group.Go(func() error { return check(i) })
		}
		if err := group.Wait(); err != nil {
			r.Fatal(err)
		}
	})
}

func order(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// randomRole returns a role of a file that grants some of the minimum and other privileges.
func randomRole(r *rapid.T, p profile.Profile, standard *solution.PrivilegeTable) *snapshot.Snapshot {
	names := append(p.Minimum(), "PRVREADACCOUNT", "prvReadAcount", "prvReadnew_Thing", "prvBulkDelete", "prvWriteRole", "prvAssignRole", "prvReadGoal", "", " ")
	role := solution.Role{
		ID: pick(r, "id", "a", "b"), Name: pick(r, "role's name", "Demandbase", "Sales"), File: "Roles/r.xml",
		Customizable: rapid.Bool().Draw(r, "customizable"),
	}
	for range rapid.IntRange(0, 20).Draw(r, "entries") {
		role.Entries = append(role.Entries, solution.Entry{Name: pick(r, "name", names...), Level: pick(r, "level", "Basic", "Local", "Deep", "Global", "")})
	}
	asked := map[string]audit.Depth{}
	if rapid.Bool().Draw(r, "less is asked") {
		asked[pick(r, "asked", "prvReadAccount", "prvreadlead")] = pick(r, "depth", audit.DepthBasic, audit.DepthLocal)
	}
	s, _, err := role.Snapshot(snapshot.Requirement{Profile: p.Name, Depth: asked, Views: []snapshot.RequiredView{}, Allow: some(r, []string{"prvReadGoal", "prvBulkDelete"})},
		solution.Minimum{Privileges: p.Minimum(), Depths: asked}, standard, snapshot.Tool{})
	if err != nil {
		r.Fatal(err)
	}
	return s
}
