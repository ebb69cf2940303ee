package cli

import (
	"github.com/spf13/cobra"
)

func defineReport(a *app, cmd *cobra.Command) {
	var f judgeFlags
	f.outputs.add(cmd.Flags())
	failOnFlag(cmd.Flags(), &f.failOn, "exit like a scan with this `severity` (default exit 0)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
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
	}
}
