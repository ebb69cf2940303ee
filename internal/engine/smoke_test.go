package engine

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

func TestSmoke(t *testing.T) {
	e, err := Load(t.Context(), policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	ps, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	s := snapshot.New()
	s.Requirement.Profile = "demandbase"
	for _, x := range snapshot.Sections() {
		s.Coverage[x] = snapshot.Coverage{State: snapshot.StateCollected}
	}
	r, err := e.Evaluate(t.Context(), s, ps[0], Options{AsOf: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", " ")
	enc.Encode(r)
}
