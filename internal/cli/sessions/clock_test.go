package sessions_test

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestResultIsNotOlderThanSnapshot checks that a result and a plan are not older than their
// snapshot, however long signing in and reading take.
func TestResultIsNotOlderThanSnapshot(t *testing.T) {
	b := newApplyProcess(t, removeReadLead)
	var seconds atomic.Int64
	began := time.Now()
	b.env.Now = func() time.Time { return began.Add(time.Duration(seconds.Add(1)) * time.Second) }
	b.run("scan", "-f", "json", "-o", "result.json").must(t, 1)
	if r := (outcome{stdout: b.read("result.json")}).results(t)[0]; r.EvaluatedAt.Before(r.Snapshot.TakenAt) {
		t.Errorf("evaluated at %s what was taken at %s", r.EvaluatedAt, r.Snapshot.TakenAt)
	}
	b.run("plan", "-o", "plan.json").must(t, 0)
	if p := b.plan("plan.json"); p.MadeAt.Before(p.Snapshot.TakenAt) {
		t.Errorf("made at %s from what was taken at %s", p.MadeAt, p.Snapshot.TakenAt)
	}
}
