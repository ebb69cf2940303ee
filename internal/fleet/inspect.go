package fleet

import (
	"context"
	"sync"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/store"
)

// An Inspector scans by the pipelines that the commands use. The policies are compiled
// once for all scans of the process.
type Inspector struct {
	runner *run.Runner
	engine func() (*engine.Engine, error)
}

// NewInspector makes a scanner of pipelines. Nobody is asked to sign in by them.
func NewInspector(ctx context.Context, runner *run.Runner) *Inspector {
	return &Inspector{
		runner: runner,
		engine: sync.OnceValues(func() (*engine.Engine, error) { return runner.Engine(context.WithoutCancel(ctx)) }),
	}
}

// Scan implements [Scanner].
func (i *Inspector) Scan(ctx context.Context, e store.Environment) ([]audit.Result, error) {
	compiled, err := i.engine()
	if err != nil {
		return nil, err
	}
	file, err := config.Parse(config.DefaultName, []byte(e.Config))
	if err != nil {
		return nil, classified(err)
	}
	targets, err := i.runner.TargetsOf(file, run.Connection{AllEnvs: true}, run.Wanted{})
	if err != nil {
		return nil, classified(err)
	}
	for _, t := range targets {
		if err := compiled.Accepts(t.Profile); err != nil {
			return nil, &Misconfigured{Code: "configuration", Err: err}
		}
	}
	accepted, err := i.runner.Acceptance(run.Accept{}, file, i.runner.Now())
	if err != nil {
		return nil, classified(err)
	}
	accepted.Options.Partial = true // waivers may speak of the rest of the fleet
	var results []audit.Result
	for _, o := range i.runner.Scan(ctx, compiled, targets, run.ScanOptions{Scope: snapshot.ScopeIntegration}) {
		if o.Err != nil {
			return nil, classified(o.Err) // they were read together
		}
		results = append(results, o.Result)
	}
	return i.runner.Accept(accepted, results), nil
}

// classified tells what somebody must change from what may pass.
func classified(err error) error {
	switch run.FailureOf(err) {
	case run.Misused:
		return &Misconfigured{Code: "configuration", Err: err}
	case run.Misconfigured:
		return &Misconfigured{Code: "sign-in", Err: err}
	case run.NoFailure, run.Interrupted, run.Passing:
	}
	return err
}
