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
		Use:   "dbaudit",
		Short: "audit a Dynamics 365 integration against its vendor's published minimum",
		Long: `dbaudit checks that the integration user of a sales-intelligence vendor has what the vendor's
documentation requires in Microsoft Dynamics 365 (Dataverse): a custom security role with its privileges, a
dedicated application user with this role, and the views shared with that user. It reads a snapshot, judges it
with Rego policies, and reports what is missing, why it matters, and how to fix it.

It never calls anything compliant that it did not read.`,
		Example: `  dbaudit demo
  dbaudit scan --url https://contoso.crm.dynamics.com   # after az login
  dbaudit scan -f table -f sarif -o dbaudit.sarif
  dbaudit explain DB-PRIV-LEAD`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          rangeArgs(0, 0),
		RunE:          showHelp,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			a.command = cmd
			if a.Quiet && a.Verbose {
				return usagef("--quiet and --verbose exclude each other")
			}
			return refuseOverwritingInputs(cmd, args)
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
		for _, c := range group.commands {
			if len(args) > 0 && c.name != args[0] {
				continue
			}
			cmd := c.build(a)
			setCommandDefaults(cmd)
			cmd.GroupID = group.title
			root.AddCommand(cmd)
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
	return root
}

// A commandGroup is a heading of the help with its commands.
type commandGroup struct {
	title    string
	commands []namedCommand
}

// A namedCommand builds a command on demand, because a run needs only one of them.
type namedCommand struct {
	name  string
	build func(*app) *cobra.Command
}

// A command holds its flags. define declares the command, and run carries it out.
type command interface {
	define(a *app) *cobra.Command
	run(ctx context.Context, a *app, args []string) error
}

// newCommand builds the command with the flags F.
func newCommand[F any, C interface {
	*F
	command
}](a *app) *cobra.Command {
	f := C(new(F))
	cmd := f.define(a)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), a, args) }
	return cmd
}

func commandGroups() []commandGroup {
	return []commandGroup{
		{"Start", []namedCommand{
			{"demo", newCommand[demoFlags]},
			{"init", newCommand[initFlags]},
			{"login", newCommand[loginFlags]},
			{"logout", newCommand[logoutFlags]},
			{"whoami", newCommand[whoamiFlags]},
			{"doctor", newCommand[doctorFlags]},
		}},
		{"Audit", []namedCommand{
			{"scan", newCommand[scanFlags]},
			{"collect", newCommand[collectFlags]},
			{"check", newCommand[checkFlags]},
			{"lint", newCommand[lintFlags]},
			{"discover", newCommand[discoverFlags]},
		}},
		{"Read results", []namedCommand{
			{"report", newReportCommand},
			{"explain", newCommand[explainFlags]},
			{"diff", newCommand[diffFlags]},
			{"history", newCommand[historyFlags]},
			{"waiver", newWaiverCommand},
		}},
		{"Fix", []namedCommand{{"plan", newCommand[planFlags]}, {"apply", newCommand[applyFlags]}, {"rollback", newCommand[rollbackFlags]}}},
		{"Requirements", []namedCommand{{"profile", newProfileCommand}, {"policy", newPolicyCommand}}},
		{"Fleet", []namedCommand{{"serve", newCommand[serveFlags]}, {"worker", newWorkerCommand}, {"fleet", newFleetCommand}, {"db", newDBCommand}}},
		{otherGroup, []namedCommand{{"simulate", newCommand[simulateFlags]}, {"schema", newSchemaCommand}, {"version", newVersionCommand}}},
	}
}

// otherGroup is the heading of the commands that are not about an audit.
const otherGroup = "Other"

// addHelpAndCompletion adds cobra's help and completion commands, described in dbaudit's words.
func addHelpAndCompletion(root *cobra.Command) {
	root.SetCompletionCommandGroupID(otherGroup)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Short = "show the help of a command"
			cmd.Long = "Shows the help of a command: dbaudit help scan is dbaudit scan --help."
			cmd.Example = "  dbaudit help scan"
		case "completion":
			cmd.Short = "print a shell's completion script"
			cmd.Long = "Prints the script for a shell to complete commands, flags and their values."
			cmd.Example = "  dbaudit completion bash > /etc/bash_completion.d/dbaudit\n" +
				"  dbaudit completion powershell | Out-String | Invoke-Expression"
			cmd.Args, cmd.RunE = rangeArgs(0, 0), showHelp
			for _, shell := range cmd.Commands() {
				shell.Args = rangeArgs(0, 0)
				shell.Short = "print the completion script of " + shell.Name()
				shell.Long = "Prints the completion script of " + shell.Name() + ". Load it when the shell starts."
				shell.Example = "  dbaudit completion " + shell.Name()
			}
		}
	}
}
