package engine_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// TestDiscover proves that stock OPA reports the same as the engine, and that a snapshot without all
// application users is an error.
func TestDiscover(t *testing.T) {
	p, e := demandbase(t), load(t)
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	query, err := rego.New(rego.Query("data.dbaudit.discovery.report"), rego.Load([]string{filepath.Join("..", "..", "policy")}, nil)).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*snapshot.Snapshot){
		"whole":         func(*snapshot.Snapshot) {},
		"nobody":        func(s *snapshot.Snapshot) { clear(s.Users) },
		"nothing read":  func(s *snapshot.Snapshot) { clear(s.Coverage) },
		"a grant lost":  func(s *snapshot.Snapshot) { delete(s.RolePrivileges, role); clear(s.Coverage) },
		"of the others": func(s *snapshot.Snapshot) { s.RolePrivileges[role]["prvDeleteLead"] = audit.DepthGlobal },
	} {
		s := compliant(p)
		s.Scope = snapshot.ScopeEnvironment
		change(s)
		ours, err := e.Discover(t.Context(), s, profiles, 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var input any
		if err := json.Unmarshal(data, &input); err != nil {
			t.Fatal(err)
		}
		results, err := query.Eval(t.Context(), rego.EvalInput(input))
		if err != nil || len(results) != 1 {
			t.Fatalf("%s: %d results, %v", name, len(results), err)
		}
		if data, err = json.Marshal(results[0].Expressions[0].Value); err != nil {
			t.Fatal(err)
		}
		var stock engine.Discovery
		if err := json.Unmarshal(data, &stock); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ours, stock); diff != "" {
			t.Errorf("%s: -dbaudit +stock:\n%s", name, diff)
		}
		if (len(s.Coverage) == 0) == (len(ours.Unread) == 0) {
			t.Errorf("%s: unread is %+v", name, ours.Unread)
		}
	}
	if _, err := e.Discover(t.Context(), compliant(p), profiles, 0); err == nil || !strings.Contains(err.Error(), "--scope environment") {
		t.Errorf("a snapshot of one integration: %v", err)
	}
	dangling := compliant(p)
	dangling.Scope = snapshot.ScopeEnvironment
	delete(dangling.RolePrivileges, role)
	if _, err := e.Discover(t.Context(), dangling, profiles, 0); err == nil || !strings.Contains(err.Error(), "inconsistent") {
		t.Errorf("a snapshot that lacks what a role grants: %v", err)
	}
}
