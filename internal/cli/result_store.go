package cli

import (
	"context"
	"errors"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

// openResultStore opens the store for the results of a scan, if one is named. The returned function
// stores results, with what they were judged by, and closes the store. It is nil without a store.
func openResultStore(ctx context.Context, a *app, flag string, targets []run.Target, waivers *waiver.File) (func([]audit.Result) error, error) {
	name, err := storeURL(a, flag)
	if err != nil || name == "" {
		return nil, err
	}
	s, err := openStore(ctx, a, flag, store.Options{})
	if err != nil {
		return nil, err
	}
	requirements := fleet.Requirements(targets, waivers)
	return func(results []audit.Result) error {
		return errors.Join(s.Record(ctx, results, requirements, workerName()), s.Close())
	}, nil
}
