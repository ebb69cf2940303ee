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

func definePolicy(a *app, cmd *cobra.Command) {
	addCommands(a, cmd,
		declaration{"list", definePolicyList},
		declaration{"test DIR", define[policyTestFlags]},
		declaration{"new NAMESPACE/NAME", definePolicyNew},
		declaration{"docs DIR", definePolicyDocs},
	)
}

func definePolicyList(a *app, cmd *cobra.Command) {
	var answer documentFlags
	answer.addAnswer(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
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
	}
}

type policyTestFlags struct{ threshold float64 }

func (f *policyTestFlags) define(_ *app, cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.threshold, "threshold", 0, "lowest coverage in `percent`")
}

func (f policyTestFlags) run(ctx context.Context, a *app, args []string) error {
	folder, threshold := args[0], f.threshold
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

func definePolicyDocs(_ *app, cmd *cobra.Command) {
	cmd.RunE = func(_ *cobra.Command, args []string) error {
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
	}
}
