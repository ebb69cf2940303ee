package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/report/pages"
)

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
