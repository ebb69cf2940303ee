package cli

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/doctor"
	"github.com/dbaudit/dbaudit/internal/run"
)

//go:embed dbaudit.yaml
var configurationTemplate []byte

type initFlags struct {
	force, guide bool
	output       string
	connection   run.Connection
	requirement  run.Overrides
}

func (f *initFlags) define(_ *app, cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.guide, "guide", false, "print how to create the auditor's app registration, role and application user")
	urlFlag(cmd.Flags(), &f.connection)
	clientIDFlag(cmd.Flags(), &f.connection)
	appIDFlag(cmd.Flags(), &f.requirement)
	cmd.Flags().BoolVar(&f.force, "force", false, "overwrite the file if it exists; do not ask")
	cmd.Flags().StringVarP(&f.output, "output", "o", config.DefaultName, "`file` to write, - for standard output")
}

// An initValue is a value of the template that init asks for.
type initValue struct {
	key, question, example string
	value                  string
	check                  func(string) (string, error)
}

func (f initFlags) run(ctx context.Context, a *app, _ []string) error {
	if f.guide && !a.command.Flags().Changed("output") {
		f.output = "-"
	}
	toStream := a.StandardStream(f.output) != nil
	if _, err := os.Lstat(f.output); !toStream && err == nil && !f.force {
		return usagef("%s already exists; use --force to overwrite it", f.output)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.guide {
		return printGuide(a, f.output, f.connection, f.requirement)
	}
	values := []initValue{
		{"url", "URL of the environment, https://ORG.crmN.dynamics.com", config.ExampleURL, f.connection.URL, dataverse.ParseEnvironment},
		{"client_id", "Application (client) id of the auditor's app registration", config.ExampleID, f.connection.Auth.ClientID, parseApplicationID},
		{"app_id", "Application (client) id of the integration's application user", config.ExampleID, f.requirement.AppID, parseApplicationID},
	}
	for i, v := range values {
		if v.value == "" {
			continue
		}
		var err error
		if values[i].value, err = v.check(v.value); err != nil {
			return usagef("%w", err)
		}
	}
	if a.CanAsk(f.force) && !toStream {
		if err := askForValues(ctx, a, values); err != nil {
			return err
		}
	}
	document := string(configurationTemplate)
	var missing []string
	for _, v := range values {
		if v.value == "" {
			missing = append(missing, v.key)
			continue
		}
		document = strings.Replace(document, " "+v.key+": "+v.example, " "+v.key+": "+v.value, 1)
	}
	if toStream {
		return a.WriteOutput(f.output, []byte(document))
	}
	if err := console.WriteFile(f.output, []byte(document)); err != nil {
		return err
	}
	next := "set DBAUDIT_CLIENT_SECRET, then run: dbaudit scan"
	if filepath.Clean(f.output) != config.DefaultName {
		next += change.Place{Flags: []string{"-c", f.output}}.Arguments()
	}
	if missing != nil {
		next = "fill in " + strings.Join(missing, ", ") + ", " + next
	}
	a.Infof("wrote %s: %s", f.output, next)
	return nil
}

// askForValues asks for each missing value. An empty answer skips it.
func askForValues(ctx context.Context, a *app, values []initValue) error {
	for i := range values {
		v := &values[i]
		for v.value == "" {
			answer, err := a.Ask(ctx, v.question+" (empty to skip): ")
			if err != nil {
				return fmt.Errorf("asking for %s: %w", v.key, err)
			}
			if answer == "" {
				break
			}
			if v.value, err = v.check(answer); err != nil {
				a.ReportError(err)
				v.value = ""
			}
		}
	}
	return nil
}

func parseApplicationID(raw string) (string, error) {
	id, err := dataverse.ParseGUID(raw)
	return id.String(), err
}

//go:embed guide.txt
var guideText string

// printGuide prints how to set up the auditor, with the known values filled in. Placeholders for the
// other values are in capitals, so that a command that still contains one fails.
func printGuide(a *app, output string, conn run.Connection, req run.Overrides) error {
	url, client := cmp.Or(conn.URL, a.Getenv("DBAUDIT_URL")), cmp.Or(conn.Auth.ClientID, a.Getenv("DBAUDIT_CLIENT_ID"))
	file, err := a.Configuration()
	if err != nil {
		return err
	}
	first := file.AllEnvironments()[0]
	url = cmp.Or(url, unlessExample(first.URL))
	client = cmp.Or(client, unlessExample(first.Auth.ClientID), unlessExample(file.Auth.ClientID))
	if origin, err := dataverse.ParseEnvironment(url); url != "" && err == nil {
		url = origin // it was a browser's address, or only a host
	}
	p, err := a.Profile(a.ProfileName(file, req))
	if err != nil {
		return err
	}
	guide, err := template.New("guide").Parse(guideText)
	if err != nil {
		return fmt.Errorf("parsing the guide: %w", err)
	}
	return a.WriteTable(output, func(w io.Writer, _ int) error {
		return guide.Execute(w, map[string]string{
			"URL": shellSafe(cmp.Or(url, "https://ORG.crm.dynamics.com")), "Client": shellSafe(cmp.Or(client, "APPLICATION-ID")),
			"HasClient": client, "Role": doctor.RoleName, "Why": doctor.ImpersonationReason, "Profile": p.Name, "Title": p.Title,
		})
	})
}

// unlessExample returns a value of the configuration, or "" if it is the example of dbaudit init.
func unlessExample(value string) string {
	if value == config.ExampleURL || value == config.ExampleID {
		return ""
	}
	return value
}

// shellSafe removes the characters of a value that a shell could interpret.
func shellSafe(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-._:/", r):
			return r
		}
		return -1
	}, s)
}
