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
	var force, guide bool
	var output string
	var req requirementFlags
	var conn connectionFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "write a commented dbaudit.yaml",
		Long: `Writes a commented dbaudit.yaml. --guide writes no file: it prints the commands and the
clicks that make the auditor's app registration, its role and its application user,
filled in with what flags, variables and the configuration say. It runs none of them.`,
		Example: `  dbaudit init
  dbaudit init --guide --url https://contoso.crm.dynamics.com`,
		Args: arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if guide {
				return a.guide(conn, req)
			}
			if a.stream(output) != nil {
				return a.put(output, configurationTemplate)
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
	cmd.Flags().BoolVar(&guide, "guide", false, "print how to make the auditor's app registration, role and application user")
	cmd.Flags().StringVar(&conn.url, "url", "", "the environment that --guide is for, https://ORG.crmN.dynamics.com (DBAUDIT_URL)")
	cmd.Flags().StringVar(&conn.clientID, "client-id", "", "the auditor's app registration, where there is one (DBAUDIT_CLIENT_ID)")
	cmd.Flags().BoolVar(&force, "force", false, "replace the file where it is there")
	cmd.Flags().StringVarP(&output, "output", "o", config.DefaultName, "`file` to write, - for standard output")
	return cmd
}
