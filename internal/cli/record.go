package cli

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func addRecord(flags *pflag.FlagSet, file *string) {
	flags.StringVar(file, "record", "", "`file` to keep each exchange with the environment in, anonymised, for dbaudit simulate --replay")
}

// record has what is exchanged with the one target recorded, where a file is named.
// What it returns writes the file.
func (a *app) record(file, command string, targets []target) (write func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	if len(targets) != 1 {
		return nil, usagef("--record keeps the exchanges with one environment, and %d are meant: choose one by --env, and one of several integrations by --profile", len(targets))
	}
	t := &targets[0]
	t.recorder = recording.NewRecorder(recording.Head{
		Tool: snapshot.Tool(a.tool()), Command: command, Pattern: t.profile.Pattern, Requirement: t.requirement,
	})
	return func() error {
		data, err := t.recorder.Encode()
		if err != nil {
			return err
		}
		if err := writeFile(file, data); err != nil {
			return err
		}
		a.say("recorded in %s: ids and names are replaced, and no host, tenant or token is in it; look through it before you pass it on", file)
		return nil
	}, nil
}

// replay serves a recording, and gives the target that it suggests.
func (a *app) replay(ctx context.Context, file, listen string) (*simulator.Site, target, error) {
	data, err := a.readFile(bounds.Recording, file)
	if err != nil {
		return nil, target{}, err
	}
	replayer, err := recording.NewReplayer(data)
	if err != nil {
		return nil, target{}, fmt.Errorf("%s: %w", file, err)
	}
	if replayer.Head.Truncated {
		a.warn("%s is cut short: what came later is not in it, and is refused", file)
	}
	site, err := simulator.Serve(ctx, listen, replayer)
	if err != nil {
		return nil, target{}, fmt.Errorf("serving the recording: %w", err)
	}
	t := target{
		url: site.URL(), authority: site.URL(), tenantID: recording.TenantID, clientID: recording.ClientID,
		clientSecret: dataverse.NewSecret("replayed"), requirement: replayer.Head.Requirement,
	}
	t.profile.Name = replayer.Head.Requirement.Profile
	return site, t, nil
}
