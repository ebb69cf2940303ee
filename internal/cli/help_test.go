package cli

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/oscal"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

var update = flag.Bool("update", false, "rewrite testdata/help")

// allCommands returns the root command and all its subcommands.
func allCommands(a *app) []*cobra.Command {
	var all []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		all = append(all, cmd)
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(rootCommand(a))
	return all
}

// TestRootCommandBuildsOneCommand checks that a run builds only the command that it names, and all
// commands if it names none.
func TestRootCommandBuildsOneCommand(t *testing.T) {
	t.Parallel()
	a := newApp(OS())
	all := 0
	for _, group := range commandGroups() {
		for _, c := range group.commands {
			all++
			if built := rootCommand(a, c.name(), "--help").Commands(); !slices.ContainsFunc(built, func(cmd *cobra.Command) bool { return cmd.Name() == c.name() }) || len(built) > 1 {
				t.Errorf("of %s, %d commands are built: %v", c.name(), len(built), built)
			}
		}
	}
	for _, args := range [][]string{nil, {"sacn"}, {"-q", "scan"}, {"help", "scan"}, {cobra.ShellCompRequestCmd, ""}} {
		if built := rootCommand(a, args...).Commands(); len(built) < all {
			t.Errorf("of %v, %d commands are built, want %d and more", args, len(built), all)
		}
	}
}

// TestHelp compares each command's help with its golden file, and checks that it fits 80 columns,
// has an example, and begins in lower case.
func TestHelp(t *testing.T) {
	t.Parallel()
	files := map[string]bool{}
	for _, cmd := range allCommands(newApp(OS())) {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".txt"
		files[name] = true
		var b bytes.Buffer
		cmd.SetOut(&b)
		cmd.InitDefaultHelpFlag()
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(b.String(), "\n") {
			if text.Width(line) > helpWidth {
				t.Errorf("%s: line %d is %d columns wide: %s", cmd.CommandPath(), i+1, text.Width(line), line)
			}
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if first := []rune(cmd.Short)[0]; unicode.IsUpper(first) {
			t.Errorf("%s: the short help %q begins with a capital", cmd.CommandPath(), cmd.Short)
		}
		golden := filepath.Join("testdata", "help", name)
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != string(want) {
			t.Errorf("the help of %s changed: look at it, then go test ./internal/cli -run TestHelp -update\n%s", cmd.CommandPath(), got)
		}
	}
	goldens, err := filepath.Glob(filepath.Join("testdata", "help", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range goldens {
		if !files[filepath.Base(name)] {
			t.Errorf("%s is the help of no command: remove it", name)
		}
	}
}

// TestHelpNamesWhatExists checks that descriptions name each schema and the version of OSCAL, which the
// code knows.
func TestHelpNamesWhatExists(t *testing.T) {
	t.Parallel()
	names := map[string][]string{"dbaudit schema": schemaNames(), "dbaudit profile export": append(exportKinds(), oscal.Version)}
	for _, cmd := range allCommands(newApp(OS())) {
		for _, name := range names[cmd.CommandPath()] {
			if !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(cmd.Long) {
				t.Errorf("the help of %s does not name %s", cmd.CommandPath(), name)
			}
		}
	}
}

// TestHelpFiles checks that each section of a file in help describes a command.
func TestHelpFiles(t *testing.T) {
	t.Parallel()
	sections := 0
	files, err := fs.Glob(helpFiles, "help/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := helpFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sections += strings.Count("\n"+string(data), "\n# dbaudit")
	}
	if commands := len(allCommands(newApp(OS()))); sections != commands {
		t.Errorf("%d sections describe %d commands", sections, commands)
	}
}

// TestFlagsHaveAHeading checks that each flag of a command with headings is below one.
func TestFlagsHaveAHeading(t *testing.T) {
	t.Parallel()
	for _, cmd := range allCommands(newApp(OS())) {
		if cmd.Name() == "lint" || cmd.Name() == "doctor" || cmd.Name() == "add" || !strings.Contains(usageText(cmd), "Output flags:") {
			continue
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" && headingOf(cmd, f.Name) == otherFlags {
				t.Errorf("%s: --%s has no heading: see headings", cmd.CommandPath(), f.Name)
			}
		})
	}
}

// TestCompletion checks that flags complete their values, and that the help names these values.
func TestCompletion(t *testing.T) {
	t.Parallel()
	known := []string{"format", "env", "label", "fail-on", "auth", "scope", "kind", "control", "only", "except", "profile", "environment", "sarif-profile", "log-format"}
	a := newApp(OS())
	commands := allCommands(a)
	completeFlags(a, commands[0]) // as where a shell asks
	for _, cmd := range commands {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			for _, name := range known {
				if f.Name != name {
					continue
				}
				complete, ok := cmd.GetFlagCompletionFunc(name)
				if !ok {
					t.Errorf("%s --%s completes nothing", cmd.CommandPath(), name)
					continue
				}
				switch name {
				case "format", "fail-on", "auth", "scope", "kind", "sarif-profile", "log-format":
				default:
					continue
				}
				values, _ := complete(cmd, nil, "")
				if len(values) < 2 {
					t.Errorf("%s --%s completes %v", cmd.CommandPath(), name, values)
				}
				for _, value := range values {
					if !strings.Contains(f.Usage, value) {
						t.Errorf("%s --%s completes %s, which its help does not name: %s", cmd.CommandPath(), name, value, f.Usage)
					}
				}
			}
		})
	}
}

// TestHelpWriteError checks that the exit code is 3 if the help cannot be written.
func TestHelpWriteError(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"scan", "--help"}, {}} {
		var stderr strings.Builder
		env := Env{Streams: console.Streams{Stdout: failingWriter{}, Stderr: &stderr}, Host: run.Host{Getenv: func(string) string { return "" }}}
		if code := Main(t.Context(), args, env); code != exitFailure || stderr.String() != "dbaudit: writing the help: no space is left\n" {
			t.Errorf("%v: exit code %d, %s", args, code, stderr.String())
		}
	}
}
