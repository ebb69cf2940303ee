package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/table"
)

func newProfileDiffCommand(a *app) *cobra.Command {
	var document documentFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "show what changed between two profiles",
		Long: `Compares two profiles, or two versions of one: which lines of the source were
added, removed or changed, and which privileges and access levels with them.

Exit codes:
  0    the same
  1    different
  2    wrong usage, or no such profile`,
		Example: `  dbaudit profile diff demandbase@nine-lines demandbase
  dbaudit profile diff demandbase ./acme.yaml -f json`,
		RunE: func(_ *cobra.Command, args []string) error { return diffProfiles(a, document, args[0], args[1]) },
	}
	document.add(cmd.Flags(), "table", "json")
	return cmd
}

func diffProfiles(a *app, document documentFlags, older, newer string) error {
	was, err := a.Profile(older)
	if err != nil {
		return err
	}
	is, err := a.Profile(newer)
	if err != nil {
		return err
	}
	d := profile.Compare(was, is)
	if err := document.put(a, d, func(w io.Writer, width int) error { return listProfileDiff(w, width, d) }); err != nil {
		return err
	}
	if d.Same {
		a.Sayf("both require the same")
		return nil
	}
	return verdictError(exitFindings)
}

func listProfileDiff(w io.Writer, width int, d profile.Diff) error {
	if _, err := fmt.Fprintf(w, "%s: %d controls, %d privileges\n%s: %d controls, %d privileges\n\n",
		d.Old.Name, d.Old.Controls, d.Old.Privileges, d.New.Name, d.New.Controls, d.New.Privileges); err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	if d.Same {
		return nil
	}
	var rows [][]string
	for _, c := range d.Controls {
		var details []string
		if c.OldSeverity != c.NewSeverity {
			details = append(details, fmt.Sprintf("severity %s, was %s", cmp.Or(c.NewSeverity, "of the rule"), cmp.Or(c.OldSeverity, "of the rule")))
		}
		for _, name := range c.Added {
			details = append(details, "+ "+name)
		}
		for _, name := range c.Removed {
			details = append(details, "- "+name)
		}
		words := cmp.Or(c.Is, c.Was, c.Title)
		if c.Change == profile.Changed && c.Was != c.Is {
			words = fmt.Sprintf("%s (was: %s)", cmp.Or(c.Is, "–"), cmp.Or(c.Was, "–"))
		}
		rows = append(rows, []string{string(c.Change), string(c.ID), words, strings.Join(details, " ")})
	}
	for _, l := range d.Levels {
		rows = append(rows, []string{string(profile.Changed), l.Privilege, "access level", fmt.Sprintf("%s, was %s", cmp.Or(l.Is, "deepest"), cmp.Or(l.Was, "deepest"))})
	}
	for _, name := range d.Allowed {
		rows = append(rows, []string{string(profile.Came), name, "allowed beyond the minimum", ""})
	}
	for _, name := range d.NoLongerAllowed {
		rows = append(rows, []string{string(profile.Went), name, "allowed beyond the minimum", ""})
	}
	return table.List(w, width, []string{"change", "control", "the words of the source", "privileges"}, rows)
}
