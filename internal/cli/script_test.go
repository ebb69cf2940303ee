package cli

import (
	"bufio"
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestMain makes the test binary dbaudit itself when a script runs dbaudit, in a separate process.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"dbaudit": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			code := Main(ctx, os.Args[1:], OS())
			stop()
			os.Exit(code)
		},
	})
}

// TestScript runs dbaudit as a person does. The scripts have these commands in addition to
// testscript's own:
//
//	exit CODE dbaudit ARGS...      runs dbaudit, which must end with the code
//	environment FILE CHANGE...     writes the compliant environment, changed
//	simulate NAME-OR-FILE          serves an environment, and sets the variables
//	silent                         listens at $SILENT, and never responds
//	interrupted dbaudit ARGS...    runs dbaudit until it connects to $SILENT, then interrupts it
//	edit FILE OLD NEW              replaces a text in a file
//	truncate FILE                  leaves the first half of a file
func TestScript(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(scripts) < 20 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	if raceEnabled {
		// Each process compiles the policies, which is slow with the race detector. These scripts
		// run all code that is concurrent.
		scripts = slices.DeleteFunc(scripts, func(file string) bool {
			return !slices.Contains([]string{"compliant.txtar", "forbidden-role.txtar", "interrupted.txtar", "snapshot.txtar"}, filepath.Base(file))
		})
	}
	testscript.Run(t, testscript.Params{
		Files: scripts,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":        exitCommand,
			"environment": environmentCommand,
			"simulate":    simulateCommand,
			"silent":      silentCommand,
			"interrupted": interruptedCommand,
			"edit":        editCommand,
			"mark":        markCommand,
			"truncate":    truncateCommand,
		},
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
	})
}

func exitCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := exitCodeOf(ts, ts.Exec(args[1], args[2:]...))
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCodeOf(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if exit != nil {
		return exit.ExitCode()
	}
	return 0
}

// environmentCommand writes a simulated environment; see environmentChanges for the changes.
func environmentCommand(ts *testscript.TestScript, _ bool, args []string) {
	env, err := simulator.Builtin("compliant")
	ts.Check(err)
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		change, ok := environmentChanges()[name]
		if !ok {
			ts.Fatalf("environment: unknown change %q, there are %v", name, slices.Sorted(maps.Keys(environmentChanges())))
		}
		change(env, value)
	}
	data, err := simulator.Marshal(env)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// integrationName is the name of the integration's user and role in the compliant environment.
const integrationName = "Demandbase Integration"

func environmentChanges() map[string]func(*simulator.Environment, string) {
	return map[string]func(*simulator.Environment, string){
		"auditor-lacks": func(env *simulator.Environment, privilege string) {
			delete(env.Role("dbaudit Auditor").Privileges, privilege)
		},
		"integration-lacks": func(env *simulator.Environment, privilege string) {
			delete(env.Role(integrationName).Privileges, privilege)
		},
		"integration-gets": func(env *simulator.Environment, privilege string) {
			all := simulator.StandardPrivileges()
			i := slices.IndexFunc(all, func(p simulator.Privilege) bool { return p.Name == privilege })
			env.Role(integrationName).Privileges[privilege] = all[i].Deepest()
		},
		"no-auditor": func(env *simulator.Environment, _ string) {
			env.ApplicationUsers = slices.DeleteFunc(env.ApplicationUsers, func(u simulator.User) bool { return u.Name == "dbaudit" })
		},
		"disabled-auditor": func(env *simulator.Environment, _ string) { env.ApplicationUser("dbaudit").Disabled = true },
		"role-less-auditor": func(env *simulator.Environment, _ string) {
			env.ApplicationUser("dbaudit").Roles = nil
		},
		"also-holds-role": func(env *simulator.Environment, name string) {
			user := env.ApplicationUser(name)
			user.Roles = append(user.Roles, simulator.RoleAssignment{Role: integrationName})
		},
		"second-user": func(env *simulator.Environment, name string) {
			env.ApplicationUsers = append(env.ApplicationUsers, simulator.User{
				Name: name, ApplicationID: "33333333-3333-4333-8333-333333333333",
			})
		},
	}
}

// simulateCommand starts dbaudit simulate in a separate process, which ends with the script, and
// sets the variables that it prints.
func simulateCommand(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs("sim")
	cmd := exec.Command("dbaudit", "simulate", "--dir", dir, "--environment", args[0]) //nolint:gosec,noctx // the test's own, killed below
	cmd.Dir = ts.MkAbs(".")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	ts.Defer(stop)
	scanner := bufio.NewScanner(output)
	for scanner.Scan() {
		assignment, ok := strings.CutPrefix(scanner.Text(), "export ")
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(assignment, "=")
		if name != "DBAUDIT_CONFIG" { // scripts have configurations of their own
			ts.Setenv(name, strings.Trim(value, "'"))
		}
		if name == "SSL_CERT_FILE" { // the last one
			return
		}
	}
	stop()
	ts.Fatalf("the simulator does not start: %s", stderr.String())
}

// A firstConnection is closed at the first connection to a silent listener.
type firstConnection chan struct{}

func silentCommand(ts *testscript.TestScript, _ bool, _ []string) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	call := make(firstConnection)
	go func() {
		var connections []net.Conn
		for {
			connection, err := listener.Accept()
			if err != nil {
				for _, c := range connections {
					_ = c.Close()
				}
				return
			}
			if connections = append(connections, connection); len(connections) == 1 {
				close(call)
			}
		}
	}()
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv("SILENT", "https://"+listener.Addr().String())
	ts.Setenv("USED", listener.Addr().String())
	silentListeners.Store(ts.Getenv("SILENT"), call)
}

// silentListeners holds the firstConnection of each silent listener, by address.
var silentListeners sync.Map //nolint:gochecknoglobals // scripts have no place of their own for values

func interruptedCommand(ts *testscript.TestScript, _ bool, args []string) {
	value, ok := silentListeners.Load(ts.Getenv("SILENT"))
	if !ok {
		ts.Fatalf("interrupted without silent")
	}
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // the test's own
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "DBAUDIT_CLIENT_SECRET"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	ts.Check(cmd.Start())
	<-value.(firstConnection) //nolint:forcetypeassert // stored above
	ts.Check(cmd.Process.Signal(os.Interrupt))
	if code := exitCodeOf(ts, cmd.Wait()); code != exitInterrupted {
		ts.Fatalf("exit code %d, want %d: %s", code, exitInterrupted, stderr.String())
	}
	ts.Logf("[stderr]\n%s", stderr.String())
}

func editCommand(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// markCommand inserts a byte order mark at the start of a file.
func markCommand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(byteOrderMark+ts.ReadFile(args[0])), 0o600))
}

func truncateCommand(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text[:len(text)/2]), 0o600))
}
