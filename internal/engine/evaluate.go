package engine

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// reportRef is the document that policy/dbaudit/main.rego puts together.
const reportRef = "data.dbaudit.report"

// Options say how to judge.
type Options struct {
	Tool audit.Tool
	// AsOf is the time that the result carries as its time of evaluation.
	AsOf time.Time
	// Limit is how long judging may take; 0 stands for [DefaultLimit].
	Limit time.Duration
}

// DefaultLimit is how long judging one snapshot may take. A snapshot of a whole
// environment takes a second or two.
const DefaultLimit = time.Minute

// gracePeriod is how long an evaluation that was called off may take to end by itself.
// Some built-ins do not look up from their work: those are left behind.
const gracePeriod = 500 * time.Millisecond

// An AmbiguityError says that several users could be the integration's and the
// configuration names none.
type AmbiguityError struct {
	// Users are names with ids.
	Users []string
}

func (e *AmbiguityError) Error() string {
	return fmt.Sprintf("several application users could be the integration's: %s; "+
		"choose one with --integration-app-id or integration.app_id", strings.Join(e.Users, ", "))
}

// Evaluate judges a snapshot by a profile, which is to judge its slice. The
// snapshot's requirement must name that profile.
func (e *Engine) Evaluate(ctx context.Context, s *snapshot.Snapshot, p profile.Profile, o Options) (audit.Result, error) {
	if s.Requirement.Profile != p.Name {
		return audit.Result{}, fmt.Errorf("the snapshot is to be judged by the profile %q, not %q", s.Requirement.Profile, p.Name)
	}
	s = s.Slice(p.Pattern)
	// In the policies a dangling id is undefined, and undefined reads as no finding.
	if err := s.Check(p.Pattern); err != nil {
		return audit.Result{}, err
	}
	j, err := e.reportQuery(ctx, p)
	if err != nil {
		return audit.Result{}, err
	}
	var report report
	if err := j.evaluate(ctx, s, o.Limit, &report); err != nil {
		return audit.Result{}, err
	}
	for _, f := range report.Findings {
		if f.Fix == nil || slices.Contains(e.fixKinds, f.Fix.Kind) {
			continue
		}
		if err := change.ValidateKind(f.Fix.Kind); err != nil {
			return audit.Result{}, fmt.Errorf("a policy reports a finding of %s with %w", f.Control, err)
		}
	}
	if len(report.Invalid) > 0 {
		return audit.Result{}, fmt.Errorf("a policy reports what it must not: %s", strings.Join(report.Invalid, "; "))
	}
	if len(report.Ambiguous) > 0 {
		var names []string
		for _, id := range report.Ambiguous {
			names = append(names, fmt.Sprintf("%q (application id %s)", s.Users[id].Name, s.Users[id].ApplicationID))
		}
		slices.Sort(names)
		return audit.Result{}, &AmbiguityError{Users: names}
	}
	return e.assemble(s, p, report, o)
}

// report is the JSON form of [reportQuery].
type report struct {
	Findings      []finding           `json:"findings"`
	NotApplicable map[string][]string `json:"not_applicable"`
	Unknown       map[string][]string `json:"unknown"`
	// UnknownControls are the reasons of single controls, by their ids.
	UnknownControls map[audit.ControlID][]string `json:"unknown_controls"`
	RuleNotes       map[string][]string          `json:"rule_notes"`
	Notes           []string                     `json:"notes"`
	Ambiguous       []string                     `json:"ambiguous"`
	Invalid         []string                     `json:"invalid"`
	Integration     audit.Integration            `json:"integration"`
}

type finding struct {
	Control  audit.ControlID `json:"control"`
	Message  string          `json:"message"`
	Subject  audit.Subject   `json:"subject"`
	Evidence audit.Evidence  `json:"evidence"`
	Fix      *audit.Fix      `json:"fix"`
}

// evaluate evaluates the document on a snapshot, and decodes it.
func (q *preparedQuery) evaluate(ctx context.Context, s *snapshot.Snapshot, limit time.Duration, into any) error {
	var c *codec
	select {
	case c = <-q.codecs:
		defer func() { q.codecs <- c }()
	case <-ctx.Done():
		return ctx.Err()
	}
	input, err := c.encode(reflect.ValueOf(*s))
	if err != nil {
		return fmt.Errorf("preparing the policies' input: %w", err)
	}
	cache := q.cache.forEvaluation()
	value, err := q.workers.evaluate(ctx, cmp.Or(limit, DefaultLimit), func(ctx context.Context) (ast.Value, error) {
		return q.eval(ctx, input.Value, cache)
	})
	switch {
	case err != nil:
		return fmt.Errorf("evaluating the policies: %w", err)
	case value == nil:
		return fmt.Errorf("evaluating the policies: %s is undefined", q.ref)
	}
	q.cache.merge(cache)
	if err := c.decode(value, reflect.ValueOf(into).Elem()); err != nil {
		return fmt.Errorf("a policy reports what dbaudit does not know: %w", err)
	}
	return nil
}

// workerPool are the goroutines that have evaluated, while they wait for more work.
type workerPool chan func()

// idleTimeout is how long a goroutine waits.
const idleTimeout = time.Second

// run does the work on a goroutine that waits, or else on a new one. One that has evaluated
// has the large stack that an evaluation needs. The stack of a new one is copied each time
// that it is full, which takes more than a tenth of the time of judging a role.
func (w workerPool) run(work func()) {
	select {
	case w <- work:
	default:
		go func() {
			for work != nil {
				work()
				select {
				case work = <-w:
				case <-time.After(idleTimeout):
					work = nil
				}
			}
		}()
	}
}

// evaluate evaluates within a time. What is called off and does not end is left behind,
// so that the caller can go on to report what else was reached.
func (w workerPool) evaluate(ctx context.Context, limit time.Duration, evaluate func(context.Context) (ast.Value, error)) (ast.Value, error) {
	type outcome struct {
		value ast.Value
		err   error
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ended := make(chan outcome, 1)
	w.run(func() {
		value, err := evaluate(timed)
		ended <- outcome{value, err}
	})
	var o outcome
	select {
	case o = <-ended:
	case <-timed.Done():
		o.err = timed.Err()
		select {
		case o = <-ended:
		case <-time.After(gracePeriod):
		}
	}
	switch {
	case o.err == nil:
		return o.value, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case timed.Err() != nil:
		return nil, fmt.Errorf("it took longer than %s: look for a rule that does not end, first among those of --policy", limit)
	}
	return nil, o.err
}
