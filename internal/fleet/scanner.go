package fleet

import (
	"context"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/store"
)

// An DataverseScanner scans as the commands do. One engine, and one runner, which keeps tokens,
// serve all scans of the process.
type DataverseScanner struct {
	Runner *run.Runner
	Engine *engine.Engine
}

// Scan implements [Scanner].
func (i *DataverseScanner) Scan(ctx context.Context, e store.Environment) ([]audit.Result, error) {
	file, err := config.Parse(config.DefaultName, []byte(e.Config))
	if err != nil {
		return nil, classify(err)
	}
	targets, err := i.Runner.TargetsFrom(file, run.Connection{AllEnvs: true}, run.Overrides{})
	if err != nil {
		return nil, classify(err)
	}
	for _, t := range targets {
		if err := i.Engine.CheckProfile(t.Profile); err != nil {
			return nil, &MisconfiguredError{Code: "configuration", Err: err}
		}
	}
	accepted, err := i.Runner.LoadAcceptance(run.AcceptOptions{}, file, i.Runner.Now())
	if err != nil {
		return nil, classify(err)
	}
	accepted.Options.Partial = true // waivers may be for other environments of the fleet
	var results []audit.Result
	for _, o := range i.Runner.Scan(ctx, i.Engine, targets, run.ScanOptions{Scope: snapshot.ScopeIntegration}) {
		if o.Err != nil {
			return nil, classify(o.Err) // they were read together
		}
		results = append(results, o.Result)
	}
	return i.Runner.Accept(accepted, results), nil
}

// classify marks an error that a user must do something about.
func classify(err error) error {
	switch run.ClassifyError(err) {
	case run.InvalidUsage:
		return &MisconfiguredError{Code: "configuration", Err: err}
	case run.Misconfigured:
		return &MisconfiguredError{Code: "sign-in", Err: err}
	case run.NoFailure, run.Interrupted, run.Transient:
	}
	return err
}
