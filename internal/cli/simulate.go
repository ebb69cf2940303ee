package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type simulateFlags struct {
	replay      string
	listen      string
	environment string
	dir         string
}

func (f *simulateFlags) define(_ *app, cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "`address` to listen on")
	simulationFlag(cmd.Flags(), &f.environment)
	cmd.Flags().StringVar(&f.replay, "replay", "", "`file` of a recording to serve instead of an environment")
	cmd.Flags().StringVar(&f.dir, "dir", "", "`folder` for ca.pem, env, env.ps1 and dbaudit.yaml (default a temporary one)")
}

func (f simulateFlags) run(ctx context.Context, a *app, _ []string) error {
	if f.replay != "" && isFlagSet(a, "environment") {
		return usagef("--replay and --environment cannot be used together: serve a recording, or an environment")
	}
	if _, err := listenHost(ctx, f.listen); err != nil {
		return err
	}
	start := startSimulation
	if f.replay != "" {
		start, f.environment = startReplay, f.replay
	}
	sim, err := start(ctx, a, f.environment, f.listen)
	if err != nil {
		return err
	}
	defer func() { _ = sim.Close() }()
	dir, removeDir, err := makeSimulatorFolder(f.dir)
	if err != nil {
		return err
	}
	defer removeDir()
	variables, err := writeSimulatorFiles(a, sim, dir)
	if err != nil {
		return err
	}
	if err := a.WriteOutput("", []byte(variables)); err != nil {
		return err
	}
	a.Infof("serving until interrupted; in another shell, run: . %s && dbaudit scan", change.QuoteShell(filepath.Join(dir, "env")))
	a.Infof("in PowerShell, run: Get-Content -Raw %s | Invoke-Expression; dbaudit scan", change.QuotePowerShell(filepath.Join(dir, "env.ps1")))
	<-ctx.Done()
	return nil
}

// caFile is the name of the file with the simulator's certificate.
const caFile = "ca.pem"

// makeSimulatorFolder makes the folder for the simulator's files and returns its absolute path. Without
// a name, the folder is temporary, and remove removes it.
func makeSimulatorFolder(name string) (dir string, remove func(), err error) {
	if name == "" {
		if dir, err = os.MkdirTemp("", "dbaudit-simulate-"); err != nil {
			return "", nil, fmt.Errorf("making a folder for the simulator's files: %w", err)
		}
		return dir, func() { _ = os.RemoveAll(dir) }, nil
	}
	// A folder with a configuration is the user's, unless a simulation has written its certificate too.
	exists := func(file string) bool { _, err := os.Lstat(filepath.Join(name, file)); return err == nil }
	if exists(config.DefaultName) && !exists(caFile) {
		return "", nil, usagef("--dir %s: the folder has a %s, which the simulator's would replace: choose another folder", name, config.DefaultName)
	}
	if err = os.MkdirAll(name, 0o700); err == nil {
		dir, err = filepath.Abs(name)
	}
	if err != nil {
		return "", nil, fmt.Errorf("making the folder for the simulator's files: %w", err)
	}
	return dir, func() {}, nil
}

// A simulation is a running server, and what a client needs to know about it.
type simulation struct {
	*simulator.TLSServer

	target run.Target
	// applier is the identity that can apply a plan, or nil.
	applier *simulator.Client
}

// writeSimulatorFiles writes the files that a client in another process needs to a folder, and returns the
// variables as lines for a POSIX shell.
func writeSimulatorFiles(a *app, s simulation, dir string) (string, error) {
	t := s.target
	env := config.Environment{
		URL: t.URL, BusinessUnit: t.Requirement.BusinessUnit,
		Integration: config.Integration{AppID: t.Requirement.ApplicationID, User: t.Requirement.User, Role: t.Requirement.Role},
	}
	for _, v := range t.Requirement.Views {
		env.Views = append(env.Views, config.View{Table: v.Table, Name: v.Name, Owner: v.Owner})
	}
	// The address does not contain the name of the environment. A replay has no name.
	file := config.File{
		Profile:      t.Profile.Name,
		Auth:         config.Auth{TenantID: t.Auth.TenantID, ClientID: t.Auth.ClientID, Authority: t.Auth.Authority},
		Environments: map[string]config.Environment{cmp.Or(t.Name, "replay"): env},
		Depth:        t.Requirement.Depth, Allow: t.Requirement.Allow,
	}
	document, err := file.Encode()
	if err != nil {
		return "", err
	}
	posix := "# a simulated Dataverse environment, since " + a.Now().UTC().Format(time.RFC3339) + "\n"
	powershell := posix
	for _, v := range simulationVariables(s, dir) {
		posix += fmt.Sprintf("export %s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
		powershell += fmt.Sprintf("$env:%s = %s\n", v[0], change.QuotePowerShell(v[1]))
	}
	for _, file := range []struct{ name, data string }{
		{caFile, string(s.CAPEM())}, {config.DefaultName, string(document)}, {"env.ps1", powershell}, {"env", posix},
	} {
		if err := console.WriteFile(filepath.Join(dir, file.name), []byte(file.data)); err != nil {
			return "", err
		}
	}
	return posix, nil
}

// simulationVariables returns the variables that a client of a simulation needs, as name and value.
// SSL_CERT_FILE is the last one.
func simulationVariables(s simulation, dir string) [][2]string {
	t := s.target
	vars := [][2]string{
		{"DBAUDIT_CONFIG", filepath.Join(dir, config.DefaultName)},
		{"DBAUDIT_URL", t.URL},
		{"DBAUDIT_TENANT_ID", t.Auth.TenantID},
		{"DBAUDIT_AUTHORITY", t.Auth.Authority},
		{"DBAUDIT_CLIENT_ID", t.Auth.ClientID},
		{"DBAUDIT_CLIENT_SECRET", t.ClientSecret.Reveal()},
	}
	if id := t.Requirement.ApplicationID; id != "" {
		vars = append(vars, [2]string{"DBAUDIT_INTEGRATION_APP_ID", id})
	}
	if c := s.applier; c != nil {
		vars = append(vars, [2]string{"DBAUDIT_APPLY_CLIENT_ID", c.ApplicationID}, [2]string{"DBAUDIT_APPLY_CLIENT_SECRET", c.Secret})
	}
	return append(vars, [2]string{"SSL_CERT_FILE", filepath.Join(dir, caFile)})
}

// startSimulation serves a built-in environment or one from a file, and returns it with the target
// that the environment suggests.
func startSimulation(ctx context.Context, a *app, name, listen string) (simulation, error) {
	env, err := simulatedEnvironment(name)
	if err != nil {
		return simulation{}, err
	}
	suggest := env.Suggest
	auditor := env.Client(suggest.Auditor)
	if auditor == nil {
		return simulation{}, errors.New("the simulated environment suggests no auditor among its clients: set suggest.auditor")
	}
	p, err := a.Profile(run.DefaultProfile)
	if err != nil {
		return simulation{}, err
	}
	server, err := simulator.Start(ctx, env, simulator.Options{Listen: listen, Now: a.Now})
	if err != nil {
		return simulation{}, fmt.Errorf("starting the simulator: %w", listenError(listen, err))
	}
	t := run.Target{
		Name: env.Organization.URLName, URL: server.URL(), Profile: p, File: config.Empty(),
		Auth:         config.Auth{Authority: server.AuthorityURL(), TenantID: server.TenantID(), ClientID: suggest.Auditor},
		ClientSecret: dataverse.NewSecret(auditor.Secret),
		Requirement: snapshot.Requirement{
			Profile: p.Name, ApplicationID: suggest.ApplicationID, Role: suggest.Role, BusinessUnit: suggest.BusinessUnit,
		},
	}
	for _, v := range suggest.Views {
		t.Requirement.Views = append(t.Requirement.Views, snapshot.RequiredView{Table: v.Table, Name: v.Name, Owner: v.Owner})
	}
	return simulation{server.TLSServer, t, env.Client(suggest.Administrator)}, nil
}

func simulatedEnvironment(name string) (*simulator.Environment, error) {
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

// startReplay serves a recording, and returns it with the target that the recording suggests.
func startReplay(ctx context.Context, a *app, file, listen string) (simulation, error) {
	data, err := a.ReadFile(bounds.Recording, file)
	if err != nil {
		return simulation{}, err
	}
	replayer, err := recording.NewReplayer(data)
	if err != nil {
		return simulation{}, fmt.Errorf("%s: %w", file, err)
	}
	if replayer.Header.Truncated {
		a.Warnf("%s is truncated: later requests are not in it, and are refused", file)
	}
	site, err := simulator.Serve(ctx, listen, replayer)
	if err != nil {
		return simulation{}, fmt.Errorf("serving the recording: %w", listenError(listen, err))
	}
	t := run.Target{
		URL: site.URL(), File: config.Empty(), Auth: config.Auth{TenantID: recording.TenantID, ClientID: recording.ClientID, Authority: site.URL()},
		ClientSecret: dataverse.NewSecret("replayed"), Requirement: replayer.Header.Requirement,
	}
	t.Profile.Name = replayer.Header.Requirement.Profile
	return simulation{TLSServer: site, target: t}, nil
}
