package cli

import (
	"context"
	"crypto/x509"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type demoFlags struct {
	environment string
	judge       judgeFlags
	snapshot    string
}

func (f *demoFlags) define(_ *app, cmd *cobra.Command) {
	simulationFlag(cmd.Flags(), &f.environment)
	snapshotFlag(cmd.Flags(), &f.snapshot)
	f.judge.addDisplay(cmd.Flags())
}

func (f demoFlags) run(ctx context.Context, a *app, _ []string) error {
	j, err := f.judge.prepare(a, f.snapshot)
	if err != nil {
		return err
	}
	sim, err := startSimulation(ctx, a, f.environment, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = sim.Close() }()
	a.Infof("simulating a Dataverse environment at %s", sim.URL())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(sim.CAPEM())
	t := sim.target
	if err := j.load(ctx, a, t.File, t.Profile); err != nil {
		return err
	}
	o := run.ScanOptions{Scope: snapshot.ScopeIntegration, AsOf: j.asOf, Roots: roots, OnSnapshot: snapshotSaver(a, f.snapshot)}
	outcome := a.Scan(ctx, j.engine, []run.Target{t}, o)[0]
	if outcome.Err != nil {
		return outcome.Err
	}
	results := a.Accept(j.accepted, []audit.Result{outcome.Result})
	options := reportOptions(a, j.engine)
	// No later command can reach this environment, because it ends with this command.
	options.TargetFlags = func(audit.Result) []string { return []string{} }
	options.ApplyFlags = func(audit.Result) []string { return nil }
	err = j.outputs.render(a, results, options)
	a.Infof("this environment stops now; to try the commands, start another and follow what it prints; run: dbaudit simulate --dir sim")
	a.Infof("to scan your own, sign in with az login, then run: dbaudit scan --url https://ORG.crm.dynamics.com")
	return err
}
