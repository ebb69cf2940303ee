// Package cli is dbaudit's command line: commands, flags and exit codes. It
// combines the other packages and is imported only by main.
//
// Standard output carries only the requested document;
// narration, progress and warnings go to standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

// An app is one run of the command line.
type app struct {
	*console.Console
	*run.Runner

	// command is the command that runs; nil until it begins. An error before that is wrong usage.
	command *cobra.Command
	// helpErr is the error of writing the help, which cobra's help function cannot return.
	helpErr error
}

func newApp(env Env) *app {
	env.Attended = env.StderrIsTerminal
	if env.Sleep == nil {
		env.Sleep = dataverse.Sleep
	}
	c := &console.Console{Streams: env.Streams, Now: env.Now, Getenv: env.Getenv, LogFormat: "text"}
	return &app{
		Console: c,
		Runner:  &run.Runner{Host: env.Host, Stdin: env.Stdin, Narrator: c, Tool: audit.Tool{Name: "dbaudit", Version: audit.Release}},
	}
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, args []string, env Env) int {
	// Every command prints through these guarded streams.
	stdout := text.NewStream(env.Stdout, env.StdoutIsTerminal)
	completing := len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd)
	if completing {
		stdout.KeepTabs()
	}
	env.Stdout = stdout
	env.Stderr = text.NewStream(env.Stderr, env.StderrIsTerminal)
	a := newApp(env)
	root := rootCommand(a, args...)
	if completing {
		completeFlags(a, root)
	}
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil && exitCode(err) == exitFailure {
		// An interrupted request fails in many ways; the cause is the interruption.
		err = fmt.Errorf("interrupted: %w", context.Canceled)
	}
	if err != nil && a.command == nil {
		if _, ok := errors.AsType[*run.UsageError](err); !ok {
			err = usagef("%w", err)
		}
	}
	if err == nil && a.helpErr != nil {
		err = fmt.Errorf("writing the help: %w", a.helpErr)
	}
	var silent exitCodeError
	if err != nil && !errors.As(err, &silent) {
		a.ReportError(err)
	}
	code := exitCode(err)
	if len(args) > 0 && args[0] == "plan" && slices.Contains(args, "--"+detailedFlag) {
		code = detailedExitCode(code, err)
	}
	return code
}

// rootCommand returns the program with all its commands. If the first argument names one, it
// builds only that one, because building the others takes a twentieth of a short run.
func rootCommand(a *app, args ...string) *cobra.Command {
	root := &cobra.Command{
		Use:           "dbaudit",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			a.command = cmd
			if a.Quiet && a.Verbose {
				return usagef("--quiet and --verbose cannot be used together")
			}
			return refuseOverwritingInputs(a, cmd, args)
		},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.ConfigFile, "config", "c", "", "configuration `file` (default dbaudit.yaml, if present; DBAUDIT_CONFIG)")
	flags.BoolVarP(&a.Quiet, "quiet", "q", false, "no narration on standard error")
	flags.BoolVarP(&a.Verbose, "verbose", "v", false, "more detail on standard error and in tables")
	flags.BoolVar(&a.NoColor, "no-color", false, "no color; NO_COLOR does the same")
	flags.BoolVar(&a.NoProgress, "no-progress", false, "no progress on a terminal")
	flags.Var(newChoice(&a.LogFormat, "text", "json"), "log-format", "`format` of the narration on standard error: text or json")
	flags.StringArrayVar(&a.PolicyFolders, "policy", nil, "`folder` of custom Rego rules; repeatable")
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(cmd.OutOrStderr(), usageText(cmd))
		return err
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_, a.helpErr = fmt.Fprint(cmd.OutOrStdout(), helpText(cmd))
	})
	for _, group := range commandGroups() {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, d := range group.commands {
			if len(args) == 0 || d.name() == args[0] {
				d.addTo(root, a).GroupID = group.title
			}
		}
	}
	switch len(root.Commands()) {
	case 0:
		return rootCommand(a) // an unknown command: its error suggests others
	case 1:
		root.CompletionOptions.DisableDefaultCmd = true
	default:
		addHelpAndCompletion(root)
	}
	setCommandDefaults(root)
	return root
}

// A commandGroup is a heading of the help with its commands.
type commandGroup struct {
	title    string
	commands []declaration
}

// A declaration is the usage line of a command, and the function that adds flags and a run function,
// or subcommands, to it. A command is made on demand, because a run needs only one of them. Its
// descriptions and examples are in a file in help.
type declaration struct {
	usage  string
	define func(*app, *cobra.Command)
}

func (d declaration) name() string {
	name, _, _ := strings.Cut(d.usage, " ")
	return name
}

func (d declaration) addTo(parent *cobra.Command, a *app) *cobra.Command {
	cmd := &cobra.Command{Use: d.usage}
	d.define(a, cmd)
	parent.AddCommand(cmd)
	return cmd
}

func addCommands(a *app, parent *cobra.Command, subcommands ...declaration) {
	for _, d := range subcommands {
		d.addTo(parent, a)
	}
}

// A command holds its flags. define adds them to the command, and run carries it out.
type command interface {
	define(a *app, cmd *cobra.Command)
	run(ctx context.Context, a *app, args []string) error
}

// define defines a command with the flags F.
func define[F any, C interface {
	*F
	command
}](a *app, cmd *cobra.Command) {
	f := C(new(F))
	f.define(a, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), a, args) }
}

func commandGroups() []commandGroup {
	return []commandGroup{
		{"Start", []declaration{
			{"demo", define[demoFlags]},
			{"init", define[initFlags]},
			{"login", define[loginFlags]},
			{"logout", define[logoutFlags]},
			{"whoami", define[whoamiFlags]},
			{"doctor [--apply [PLAN]]", define[doctorFlags]},
		}},
		{"Audit", []declaration{
			{"scan", define[scanFlags]},
			{"collect", define[collectFlags]},
			{"check SNAPSHOT...", define[checkFlags]},
			{"lint PATH...", define[lintFlags]},
			{"discover [SNAPSHOT]", define[discoverFlags]},
		}},
		{"Read results", []declaration{
			{"report RESULT.json...", defineReport},
			{"explain CONTROL|RULE|PRIVILEGE", define[explainFlags]},
			{"diff OLD NEW | diff --since WHEN DIR...", define[diffFlags]},
			{"history [DIR...]", define[historyFlags]},
			{"waiver", defineWaiver},
		}},
		{"Fix", []declaration{
			{"plan", define[planFlags]},
			{"apply PLAN", define[applyFlags]},
			{"rollback JOURNAL", define[rollbackFlags]},
		}},
		{"Requirements", []declaration{{"profile", defineProfile}, {"policy", definePolicy}}},
		{"Fleet", []declaration{{"serve", define[serveFlags]}, {"worker", defineWorker}, {"fleet", defineFleet}, {"db", defineDB}}},
		{otherGroup, []declaration{{"simulate", define[simulateFlags]}, {"schema [DOCUMENT]", defineSchema}, {"version", defineVersion}}},
	}
}

// otherGroup is the heading of the commands that are not about an audit.
const otherGroup = "Other"

// addHelpAndCompletion adds cobra's help and completion commands.
func addHelpAndCompletion(root *cobra.Command) {
	root.SetCompletionCommandGroupID(otherGroup)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = cobra.ArbitraryArgs // the path of a command
		case "completion":
			for _, c := range append(cmd.Commands(), cmd) {
				c.Args = nil // the usage line determines them
			}
		}
	}
}
