package collector_test

import (
	"testing"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func TestBuiltins(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"compliant", "sample"} {
		for _, scope := range []snapshot.Scope{snapshot.ScopeIntegration, snapshot.ScopeEnvironment} {
			t.Run(name+"/"+scope.String(), func(t *testing.T) {
				t.Parallel()
				l := newLab(t, builtin(t, name, nil), labOptions{})
				l.options.Scope = scope
				s := l.must(nil)
				for section, coverage := range s.Coverage {
					if coverage.State != snapshot.StateCollected || coverage.Detail != "" {
						t.Errorf("%s: %s (%s)", section, coverage.State, coverage.Detail)
					}
				}
				t.Logf("%+v", l.client.Stats())
				t.Logf("%s", encode(t, s))
			})
		}
	}
}
