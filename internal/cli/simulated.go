package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// startSimulator starts a simulated environment: a built-in one by its name, or that
// of a file.
func startSimulator(ctx context.Context, a *app, name, listen string) (*simulator.Server, error) {
	env, err := readSimulation(name)
	if err != nil {
		return nil, err
	}
	server, err := simulator.Start(ctx, env, simulator.Options{Listen: listen, Now: a.Now})
	if err != nil {
		return nil, fmt.Errorf("starting the simulator: %w", err)
	}
	return server, nil
}

func readSimulation(name string) (*simulator.Environment, error) {
	if env, err := simulator.Builtin(name); err == nil {
		return env, nil
	}
	data, err := bounds.ReadFile(bounds.Simulation, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("--environment %s: neither a file nor a built-in environment: choose from %s",
			name, strings.Join(simulator.BuiltinNames(), ", "))
	}
	if err != nil {
		return nil, usagef("--environment: %w", err)
	}
	env, err := simulator.ParseEnvironment(name, data)
	if err != nil {
		return nil, usagef("%w", err)
	}
	return env, nil
}

// simulatedTarget is the target that a simulated environment suggests.
func simulatedTarget(a *app, server *simulator.Server) (run.Target, error) {
	env := server.Environment()
	p, err := a.Profile(run.DefaultProfile)
	if err != nil {
		return run.Target{}, err
	}
	suggest := env.Suggest
	t := run.Target{
		Name: env.Organization.URLName, URL: server.URL(), Profile: p, File: config.Empty(),
		Auth: config.Auth{Authority: server.AuthorityURL(), TenantID: server.TenantID(), ClientID: suggest.Auditor},
		Requirement: snapshot.Requirement{
			Profile: p.Name, ApplicationID: suggest.ApplicationID, Role: suggest.Role, BusinessUnit: suggest.BusinessUnit,
		},
	}
	for _, v := range suggest.Views {
		t.Requirement.Views = append(t.Requirement.Views, snapshot.RequiredView{Table: v.Table, Name: v.Name, Owner: v.Owner})
	}
	client := env.Client(suggest.Auditor)
	if client == nil {
		return run.Target{}, fmt.Errorf("the simulated environment suggests no auditor among its clients: set suggest.auditor")
	}
	t.ClientSecret = dataverse.NewSecret(client.Secret)
	return t, nil
}

// replay serves a recording, and gives the target that it suggests.
func replay(ctx context.Context, a *app, file, listen string) (*simulator.Site, run.Target, error) {
	data, err := a.ReadFile(bounds.Recording, file)
	if err != nil {
		return nil, run.Target{}, err
	}
	replayer, err := recording.NewReplayer(data)
	if err != nil {
		return nil, run.Target{}, fmt.Errorf("%s: %w", file, err)
	}
	if replayer.Head.Truncated {
		a.Warnf("%s is truncated: later requests are not in it, and are refused", file)
	}
	site, err := simulator.Serve(ctx, listen, replayer)
	if err != nil {
		return nil, run.Target{}, fmt.Errorf("serving the recording: %w", err)
	}
	t := run.Target{
		URL: site.URL(), File: config.Empty(), Auth: config.Auth{TenantID: recording.TenantID, ClientID: recording.ClientID, Authority: site.URL()},
		ClientSecret: dataverse.NewSecret("replayed"), Requirement: replayer.Head.Requirement,
	}
	t.Profile.Name = replayer.Head.Requirement.Profile
	return site, t, nil
}
