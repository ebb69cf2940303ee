package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

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
			e, err := a.LoadEngine(cmd.Context())
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
		Long: `Runs the tests (files ending in _test.rego) of custom policies, compiled as strictly as for a
verdict, and measures the coverage. The exit code is 1 if a test fails or the coverage is below --threshold, and
otherwise 4 if a test is skipped, because its name begins with todo_test_.`,
		Example: "  dbaudit policy test policies/",
		RunE: func(cmd *cobra.Command, args []string) error {
			return testPolicies(cmd.Context(), a, args[0], threshold)
		},
	}
	cmd.Flags().Float64Var(&threshold, "threshold", 0, "lowest coverage in `percent`")
	return cmd
}

func testPolicies(ctx context.Context, a *app, folder string, threshold float64) error {
	if !(0 <= threshold && threshold <= 100) { // NaN is not valid either
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
	code := codeIf(skipped != "", exitIncomplete)
	if failed > 0 || report.Coverage < threshold {
		code = exitFindings
	}
	return exitWith(code, a.WriteOutput("", []byte(b.String())))
}

func newPolicyDocsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "docs DIR",
		Short: "write a page for each rule, and a table of each built-in profile",
		Long: `Writes the pages that reports link to, made from the rules' METADATA and the profiles: a table
of each profile's controls with the words of the source, and for each rule what it requires, how to fix its
findings, and how to accept them. Pages of rules that no longer exist are removed. The reference of
dbaudit.yaml is written next to the folder, as configuration.md.`,
		Example: "  dbaudit policy docs docs/controls",
		RunE: func(cmd *cobra.Command, args []string) error {
			controls, err := pages.Controls()
			if err != nil {
				return err
			}
			if err := pages.Write(args[0], controls); err != nil {
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
