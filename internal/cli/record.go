package cli

import (
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/run"
)

func addRecord(flags *pflag.FlagSet, file *string) {
	flags.StringVar(file, "record", "", "`file` to record each exchange with the environment, anonymised, for dbaudit simulate --replay")
}

// record has what is exchanged with the one target recorded, where a file is named.
// What it returns writes the file.
func record(a *app, file, command string, targets []run.Target) (write func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	if len(targets) != 1 {
		return nil, usagef("--record saves the exchanges with one environment, but %d were chosen: choose one with --env, and one of several integrations with --profile", len(targets))
	}
	recorder := a.Record(&targets[0], command)
	return func() error {
		data, err := recorder.Encode()
		if err != nil {
			return err
		}
		if err := console.WriteFile(file, data); err != nil {
			return err
		}
		a.Sayf("recorded in %s: ids and names are replaced, and no host, tenant or token is in it; look through it before you pass it on", file)
		return nil
	}, nil
}
