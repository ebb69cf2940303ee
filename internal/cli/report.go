package cli

import (
	"github.com/spf13/cobra"
)

func newReportCommand(a *app) *cobra.Command {
	var f judgeFlags
	cmd := &cobra.Command{
		Use:   "report RESULT.json...",
		Short: "render saved results again",
		Long: withExitCodes(`Renders results that were saved with -f json, in any format, as the scan would.
The exit code is 0 if the documents were written, unless --fail-on is given.`, exitOK, exitFindings, exitUsage, exitFailure, exitIncomplete, exitInterrupted),
		Example: "  dbaudit report result.json -f html -o report.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := f.prepare(a)
			if err != nil {
				return err
			}
			results, err := a.ReadResults(args...)
			if err != nil {
				return err
			}
			if j.engine, err = a.LoadEngine(cmd.Context()); err != nil {
				return err
			}
			code, err := j.report(a, results)
			return exitWith(codeIf(cmd.Flags().Changed("fail-on"), code), err)
		},
	}
	f.outputs.add(cmd.Flags())
	failOnFlag(cmd.Flags(), &f.failOn, "exit like a scan with this `severity` (default exit 0)")
	return cmd
}
