package sessions_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/report"
)

// TestNothingIsJudgedBeforeItIsTaken: however long signing in and reading take, a result
// and a plan are not older than the snapshot that they are based on.
func TestNothingIsJudgedBeforeItIsTaken(t *testing.T) {
	b := newBench(t, lacking)
	var seconds atomic.Int64
	began := time.Now()
	b.env.Now = func() time.Time { return began.Add(time.Duration(seconds.Add(1)) * time.Second) }
	b.run("scan", "-f", "json", "-o", "result.json").must(t, 1)
	results, err := report.ReadResults([]byte(b.read("result.json")))
	if err != nil {
		t.Fatal(err)
	}
	if r := results[0]; r.EvaluatedAt.Before(r.Snapshot.TakenAt) {
		t.Errorf("evaluated at %s what was taken at %s", r.EvaluatedAt, r.Snapshot.TakenAt)
	}
	b.run("plan", "-o", "plan.json").must(t, 0)
	p, err := plan.Decode([]byte(b.read("plan.json")))
	if err != nil {
		t.Fatal(err)
	}
	if p.MadeAt.Before(p.Snapshot.TakenAt) {
		t.Errorf("made at %s from what was taken at %s", p.MadeAt, p.Snapshot.TakenAt)
	}
}
