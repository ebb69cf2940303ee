package cli

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/report/pages"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/policy"
)

func newPolicyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: "list, test and create Rego rules",
		Example: "  dbaudit policy list\n  dbaudit policy test policies/",
	}
	var answer documentFlags
	list := &cobra.Command{
		Use: "list", Short: "list the rules",
		Example: "  dbaudit policy list\n  dbaudit policy list -f json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := a.Engine(cmd.Context())
			if err != nil {
				return err
			}
			rules := e.Rules()
			rows := make([][]string, len(rules))
			for i, r := range rules {
				rows[i] = []string{r.ID, r.Severity.String(), r.Title}
			}
			return answer.write(a, rules, func(w io.Writer, width int) error {
				return table.List(w, width, []string{"rule", "severity", "title"}, rows)
			})
		},
	}
	answer.addAnswer(list.Flags())
	cmd.AddCommand(list, newPolicyTestCommand(a), newPolicyNewCommand(a), newPolicyDocsCommand())
	return cmd
}

func newPolicyTestCommand(a *app) *cobra.Command {
	var threshold float64
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "run the tests of custom rules",
		Long: `Runs the tests (files ending in _test.rego) of custom policies, compiled as
strictly as for a verdict, and measures the coverage.
The exit code is 1 if a test fails or the coverage is below --threshold. A test whose
name begins with todo_test_ is skipped.`,
		Example: "  dbaudit policy test policies/",
		RunE: func(cmd *cobra.Command, args []string) error {
			return testPolicies(cmd.Context(), a, args[0], threshold)
		},
	}
	cmd.Flags().Float64Var(&threshold, "threshold", 0, "lowest coverage in `percent`")
	return cmd
}

func testPolicies(ctx context.Context, a *app, folder string, threshold float64) error {
	if !(0 <= threshold && threshold <= 100) { // which holds for NaN too
		return usagef("--threshold %v: want a percentage, 0 to 100", threshold)
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return usagef("%s: the folder does not exist", folder)
	}
	report, err := engine.RunTests(ctx, policy.Files, os.DirFS(folder))
	if err != nil {
		return usagef("%s: %w", folder, err)
	}
	if len(report.Tests) == 0 {
		return usagef("%s contains no tests: a test is a rule whose name begins with test_, in a file that ends in _test.rego", folder)
	}
	var b strings.Builder
	place := func(name string) string { return text.Line(filepath.ToSlash(filepath.Join(folder, name))) }
	for _, t := range report.Tests {
		switch t.Outcome {
		case engine.TestFailed:
			fmt.Fprintf(&b, "FAIL  %s  %s\n", text.Line(t.Name), place(t.Place))
			if t.Detail != "" {
				fmt.Fprintf(&b, "      %s\n", text.Line(t.Detail))
			}
		case engine.TestSkipped:
			fmt.Fprintf(&b, "skip  %s  %s\n", text.Line(t.Name), place(t.Place))
		case engine.TestPassed:
			if a.Verbose {
				fmt.Fprintf(&b, "pass  %s\n", text.Line(t.Name))
			}
		}
	}
	for _, name := range report.Uncovered {
		fmt.Fprintf(&b, "not covered  %s\n", place(name))
	}
	failed, skipped := report.Count(engine.TestFailed), ""
	if n := report.Count(engine.TestSkipped); n > 0 {
		skipped = fmt.Sprintf(", %d skipped", n)
	}
	fmt.Fprintf(&b, "%s, %d failed%s, coverage %.1f %%\n", text.Count(len(report.Tests), "test"), failed, skipped, report.Coverage)
	return exitWith(codeIf(failed > 0 || report.Coverage < threshold, exitFindings), a.WriteOutput("", []byte(b.String())))
}

func newPolicyDocsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "docs DIR",
		Short: "write a page for each rule, and a table of each built-in profile",
		Long: `Writes the pages that reports link to, made from the rules' METADATA and the
profiles: a table of each profile's controls with the words of the source, and for
each rule what it requires, how to fix its findings, and how to accept them. Pages of rules that no longer exist are removed. The reference of dbaudit.yaml is written next to the folder, as configuration.md.`,
		Example: "  dbaudit policy docs docs/controls",
		RunE: func(cmd *cobra.Command, args []string) error {
			made, err := pages.Controls(cmd.Context())
			if err != nil {
				return err
			}
			if err := pages.Write(args[0], made); err != nil {
				return err
			}
			page, err := pages.Configuration()
			if err != nil {
				return err
			}
			return console.WriteFile(filepath.Join(filepath.Dir(filepath.Clean(args[0])), "configuration.md"), []byte(page))
		},
	}
}

//go:embed scaffold
var scaffold embed.FS

// A scaffoldData is what the templates of new files are filled with.
type scaffoldData struct {
	Namespace, Name, Package, Tests, Control, Title string
}

func newPolicyNewCommand(a *app) *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "new NAMESPACE/NAME",
		Short: "scaffold a custom rule: rule, test and page",
		Long: `Writes a rule that works, its test and its page below a folder. A custom
profile then needs a control for it; see dbaudit profile new.`,
		Example: "  dbaudit policy new acme/no-export --dir policies",
		RunE:    func(_ *cobra.Command, args []string) error { return newPolicy(a, folder, args[0]) },
	}
	cmd.Flags().StringVar(&folder, "dir", "policies", "`folder` to write to")
	return cmd
}

func newPolicy(a *app, folder, id string) error {
	if !regexp.MustCompile(`^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*$`).MatchString(id) {
		return usagef("%q is not a rule name: want NAMESPACE/NAME in small letters, digits and hyphens, such as acme/no-export", id)
	}
	namespace, name, _ := strings.Cut(id, "/")
	if entries, err := fs.ReadDir(policy.Files, "dbaudit/rules/"+namespace); err == nil && len(entries) > 0 {
		return usagef("%q is one of dbaudit's own namespaces: choose another, such as your organization's name", namespace)
	}
	s := scaffoldData{
		Namespace: namespace, Name: name, Control: strings.ToUpper(namespace + "-" + name),
		Package: "dbaudit.rules" + regoSegment(namespace) + regoSegment(name),
		Tests:   "dbaudit.rules" + regoSegment(namespace) + regoSegment(name+"_test"),
		Title:   "Rule " + id,
	}
	base := filepath.Join(folder, namespace, name, strings.ReplaceAll(name, "-", "_"))
	return writeScaffold(a, s, [][2]string{{"rule.rego", base + ".rego"}, {"rule_test.rego", base + "_test.rego"}, {"rule.md", base + ".md"}})
}

// regoSegment is a part of a package's path as Rego writes it.
func regoSegment(name string) string {
	if strings.Contains(name, "-") {
		return fmt.Sprintf("[%q]", name)
	}
	return "." + name
}

func newProfileNewCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "new NAME",
		Short:   "write NAME.yaml, a profile that extends a built-in one",
		Example: "  dbaudit profile new acme",
		RunE: func(_ *cobra.Command, args []string) error {
			name := args[0]
			if !regexp.MustCompile(`^[a-z][a-z0-9-]*$`).MatchString(name) {
				return usagef("%q is not a profile name: want small letters, digits and hyphens", name)
			}
			if _, err := a.Profile(name); err == nil {
				return usagef("%q is a built-in profile: choose another name", name)
			}
			return writeScaffold(a, scaffoldData{Namespace: name, Name: name, Control: strings.ToUpper(name)}, [][2]string{{"profile.yaml", name + ".yaml"}})
		},
	}
}

// writeScaffold writes new files, given as template and file, and overwrites none.
func writeScaffold(a *app, s scaffoldData, files [][2]string) error {
	for _, f := range files {
		if _, err := os.Lstat(f[1]); !errors.Is(err, fs.ErrNotExist) {
			return usagef("%s already exists", filepath.ToSlash(f[1]))
		}
	}
	templates, err := template.ParseFS(scaffold, "scaffold/*")
	if err != nil {
		return fmt.Errorf("reading the templates: %w", err)
	}
	for _, f := range files {
		from, file := f[0], f[1]
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, from+".tmpl", s); err != nil {
			return fmt.Errorf("filling a template: %w", err)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // source code is for all to read
			return fmt.Errorf("making the folder: %w", err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil { //nolint:gosec // source code is for all to read
			return fmt.Errorf("writing: %w", err)
		}
		a.Sayf("%s", filepath.ToSlash(file))
	}
	return nil
}
