package cli

import (
	"github.com/spf13/cobra"
)

func newReportCommand(a *app) *cobra.Command {
	var f judgeFlags
	cmd := &cobra.Command{
		Use:   "report RESULT.json...",
		Short: "render saved results again",
		Long: help(`Renders results that were saved with -f json, in any format, as the scan would.
The exit code is that of the rendering, unless --fail-on is given.`, exitOK, exitFindings, exitUsage, exitFailure, exitIncomplete, exitInterrupted),
		Example: "  dbaudit report result.json -f html -o report.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := f.understood(a)
			if err != nil {
				return err
			}
			results, err := a.Results(args...)
			if err != nil {
				return err
			}
			e, err := a.Engine(cmd.Context())
			if err != nil {
				return err
			}
			if err := j.outputs.render(a, results, reportOptions(a, e)); err != nil {
				return err
			}
			if !cmd.Flags().Changed("fail-on") {
				return nil
			}
			code := exitOK
			for _, r := range results {
				code = worse(code, verdict(r, j.failOn))
			}
			return ended(code, nil)
		},
	}
	f.outputs.add(cmd.Flags())
	failOnFlag(cmd.Flags(), &f.failOn, "use the exit code of a scan with this `severity`")
	return cmd
}
