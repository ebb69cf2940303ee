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

// A DataverseScanner is a [Scanner] that scans as the commands do. All scans of a process share its
// engine, and its runner, which caches tokens.
type DataverseScanner struct {
	Runner *run.Runner
	Engine *engine.Engine
}

// Scan implements [Scanner].
func (s *DataverseScanner) Scan(ctx context.Context, e store.Environment) ([]audit.Result, error) {
	file, err := config.Parse(config.DefaultName, []byte(e.Config))
	if err != nil {
		return nil, classify(err)
	}
	targets, err := s.Runner.TargetsFrom(file, run.Connection{AllEnvs: true}, run.Overrides{})
	if err != nil {
		return nil, classify(err)
	}
	for _, t := range targets {
		if err := s.Engine.CheckProfile(t.Profile); err != nil {
			return nil, &MisconfiguredError{Code: "configuration", Err: err}
		}
	}
	accepted, err := s.Runner.LoadAcceptance(run.AcceptOptions{}, file, s.Runner.Now())
	if err != nil {
		return nil, classify(err)
	}
	accepted.Options.Partial = true // there may be waivers for other environments of the fleet
	var results []audit.Result
	for _, o := range s.Runner.Scan(ctx, s.Engine, targets, run.ScanOptions{Scope: snapshot.ScopeIntegration}) {
		if o.Err != nil {
			return nil, classify(o.Err) // the integrations of an environment are read together
		}
		results = append(results, o.Result)
	}
	return s.Runner.Accept(accepted, results), nil
}

// classify wraps an error that a user must correct in a [MisconfiguredError].
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
