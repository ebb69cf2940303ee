package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/policy"
)

func newProfileCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "profile", Short: "list, show, check and create requirement profiles",
		Example: "  dbaudit profile list\n  dbaudit profile show demandbase",
	}
	cmd.AddCommand(
		newProfileNewCommand(a),
		&cobra.Command{
			Use: "list", Short: "list the built-in profiles",
			Example: "  dbaudit profile list",
			RunE:    func(*cobra.Command, []string) error { return listProfiles(a) },
		},
		newProfileShowCommand(a),
		newProfileDiffCommand(a),
		newProfileSourceCommand(a),
		newProfileExportCommand(a),
		&cobra.Command{
			Use: "validate FILE", Short: "check a profile file",
			Example: "  dbaudit profile validate acme.yaml",
			RunE: func(cmd *cobra.Command, args []string) error {
				data, err := a.ReadFile(bounds.Profile, args[0])
				if err != nil {
					return err
				}
				builtin, err := profile.Builtin(policy.Files)
				if err != nil {
					return err
				}
				p, err := profile.Parse(args[0], data, builtin...)
				if err != nil {
					return err
				}
				if _, err := a.Engine(cmd.Context(), p); err != nil {
					return err
				}
				a.Sayf("%s: the profile %s has %d controls and %d privileges, and is valid", args[0], p.Name, len(p.Controls), len(p.Minimum()))
				return nil
			},
		},
	)
	return cmd
}

func listProfiles(a *app) error {
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		return err
	}
	rows := make([][]string, len(profiles))
	for i, p := range profiles {
		rows[i] = []string{p.Name, p.Version, fmt.Sprint(len(p.Controls)), fmt.Sprint(len(p.Minimum())), p.Title}
	}
	return table.List(a.Stdout, a.Width, []string{"profile", "version", "controls", "privileges", "title"}, rows)
}

func newProfileShowCommand(a *app) *cobra.Command {
	var document documentFlags
	cmd := &cobra.Command{
		Use: "show NAME", Short: "show a profile's controls, with their source",
		Long: `Shows a profile's controls. With -f json, it is the profile itself, including what it inherits: stock OPA and conftest read it as data.`,
		Example: `  dbaudit profile show demandbase
  dbaudit profile show ./acme.yaml -f json -o own/profiles/acme.json`,
		RunE: func(_ *cobra.Command, args []string) error { return showProfile(a, args[0], document) },
	}
	document.add(cmd.Flags(), "table", "json")
	return cmd
}

func showProfile(a *app, name string, document documentFlags) error {
	p, err := a.Profile(name)
	if err != nil {
		return err
	}
	return document.put(a, map[string]any{p.Name: p.Data()}, func(w io.Writer, width int) error { return listProfile(w, width, p) })
}

func listProfile(w io.Writer, width int, p profile.Profile) error {
	compared := "date of comparison with its source unknown"
	if p.Source.Compared != "" {
		compared = "compared with its source on " + p.Source.Compared
	}
	if _, err := fmt.Fprintf(w, "%s\n%s\n%s\nversion %s, %s\n\n", text.Line(p.Title), text.Line(p.Source.Title), text.Line(p.Source.URL),
		cmp.Or(text.Line(p.Version), "unknown"), compared); err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	rows := make([][]string, len(p.Controls))
	for i, c := range p.Controls {
		source := "–"
		if c.Citation != nil {
			source = c.Citation.Tab + ": " + c.Citation.Line
		}
		demand := c.Title
		if len(c.Privileges) > 0 {
			demand = strings.Join(c.Privileges, " ")
		}
		rows[i] = []string{string(c.ID), c.Severity.String(), demand, source}
	}
	return table.List(w, width, []string{"control", "severity", "requires", "the article's words"}, rows)
}
