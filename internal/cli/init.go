package cli

import (
	_ "embed"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/config"
)

//go:embed dbaudit.yaml
var configurationTemplate []byte

func (a *app) initCommand() *cobra.Command {
	var force bool
	var output string
	cmd := &cobra.Command{
		Use:     "init",
		Short:   "write a commented dbaudit.yaml",
		Example: "  dbaudit init",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if output == "-" {
				return a.put("", configurationTemplate)
			}
			if _, err := os.Lstat(output); err == nil && !force {
				return usagef("%s is there already: --force replaces it", output)
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err := writeFile(output, configurationTemplate); err != nil {
				return err
			}
			a.say("wrote %s: fill in url, client_id and app_id, put the secret into DBAUDIT_CLIENT_SECRET, then `dbaudit scan`", output)
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the file where it is there")
	cmd.Flags().StringVarP(&output, "output", "o", config.DefaultName, "`file` to write, - for standard output")
	return cmd
}
