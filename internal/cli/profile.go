package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/oscal"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/policy"
)

func defineProfile(a *app, cmd *cobra.Command) {
	addCommands(a, cmd,
		declaration{"new NAME", defineProfileNew},
		declaration{"list", defineProfileList},
		declaration{"show NAME|FILE", defineProfileShow},
		declaration{"diff OLD NEW", defineProfileDiff},
		declaration{"check-source NAME|FILE", define[sourceFlags]},
		declaration{"export NAME|FILE --oscal [KIND]", defineProfileExport},
		declaration{"validate FILE", defineProfileValidate},
	)
}

func defineProfileList(a *app, cmd *cobra.Command) {
	cmd.RunE = func(*cobra.Command, []string) error {
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
}

func defineProfileValidate(a *app, cmd *cobra.Command) {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
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
		if _, err := a.LoadEngine(cmd.Context(), p); err != nil {
			return err
		}
		a.Infof("%s: the profile %s has %s and %s, and is valid", args[0], p.Name,
			text.Count(len(p.Controls), "control"), text.Count(len(p.Minimum()), "privilege"))
		return nil
	}
}

func defineProfileShow(a *app, cmd *cobra.Command) {
	var document documentFlags
	document.add(cmd.Flags(), "table", "json")
	takesProfiles(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		p, err := a.Profile(args[0])
		if err != nil {
			return err
		}
		return document.write(a, map[string]any{p.Name: p.Data()}, func(w io.Writer, width int) error { return writeProfileTable(w, width, p) })
	}
}

func writeProfileTable(w io.Writer, width int, p profile.Profile) error {
	compared := "date of comparison with its source unknown"
	if p.Source.Compared != "" {
		compared = "compared with its source on " + p.Source.Compared
	}
	fmt.Fprintf(w, "%s\n%s\n%s\nversion %s, %s\n\n", text.Line(p.Title), text.Line(p.Source.Title), text.Line(p.Source.URL),
		cmp.Or(text.Line(p.Version), "unknown"), compared)
	rows := make([][]string, len(p.Controls))
	for i, c := range p.Controls {
		source := "–"
		if c.Citation != nil {
			source = c.Citation.Tab + ": " + c.Citation.Line
		}
		requirement := c.Title
		if len(c.Privileges) > 0 {
			requirement = strings.Join(c.Privileges, " ")
		}
		rows[i] = []string{string(c.ID), c.Severity.String(), requirement, source}
	}
	return table.List(w, width, []string{"control", "severity", "requires", "the article's words"}, rows)
}

func defineProfileDiff(a *app, cmd *cobra.Command) {
	var document documentFlags
	document.add(cmd.Flags(), "table", "json")
	takesProfiles(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		older, err := a.Profile(args[0])
		if err != nil {
			return err
		}
		newer, err := a.Profile(args[1])
		if err != nil {
			return err
		}
		d := profile.Compare(older, newer)
		if err := document.write(a, d, func(w io.Writer, width int) error { return writeProfileDiff(w, width, d) }); err != nil {
			return err
		}
		if d.Same {
			a.Infof("both require the same")
		}
		return exitWith(codeIf(!d.Same, exitFindings), nil)
	}
}

func writeProfileDiff(w io.Writer, width int, d profile.Diff) error {
	for _, s := range []profile.Summary{d.Old, d.New} {
		fmt.Fprintf(w, "%s: %s, %s\n", s.Name, text.Count(s.Controls, "control"), text.Count(s.Privileges, "privilege"))
	}
	fmt.Fprintln(w)
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
		words := cmp.Or(c.New, c.Old, c.Title)
		if c.Change == profile.ControlChanged && c.Old != c.New {
			words = fmt.Sprintf("%s (was: %s)", cmp.Or(c.New, "–"), cmp.Or(c.Old, "–"))
		}
		rows = append(rows, []string{changeWord(c.Change), string(c.ID), words, strings.Join(details, " ")})
	}
	for _, l := range d.Levels {
		rows = append(rows, []string{changeWord(profile.ControlChanged), l.Privilege, "access level", fmt.Sprintf("%s, was %s", requiredLevel(l.New), requiredLevel(l.Old))})
	}
	for _, name := range d.Allowed {
		rows = append(rows, []string{changeWord(profile.ControlAdded), name, "allowed beyond the minimum", ""})
	}
	for _, name := range d.NoLongerAllowed {
		rows = append(rows, []string{changeWord(profile.ControlRemoved), name, "allowed beyond the minimum", ""})
	}
	return table.List(w, width, []string{"change", "control", "the words of the source", "privileges"}, rows)
}

// changeWord returns the word for people for a kind of change.
func changeWord(kind profile.ChangeKind) string {
	switch kind {
	case profile.ControlAdded:
		return "added"
	case profile.ControlRemoved:
		return "removed"
	case profile.ControlChanged:
	}
	return "changed"
}

// requiredLevel returns the access level for the depth of a [profile.LevelChange].
func requiredLevel(depth string) string { return cmp.Or(audit.LevelOf(depth), "the highest") }

func exportKinds() []string { return []string{"catalog", "profile", "component-definition"} }

func defineProfileExport(a *app, cmd *cobra.Command) {
	var kind, file string
	kinds := strings.Join(exportKinds(), ", ")
	cmd.Flags().StringVar(&kind, "oscal", "", "`kind` of document: "+kinds+" (default catalog)")
	cmd.Flags().Lookup("oscal").NoOptDefVal = exportKinds()[0]
	outputFileFlag(cmd.Flags(), &file)
	takesProfiles(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("oscal") {
			return usagef("profile export writes only OSCAL: add --oscal")
		}
		if len(args) == 2 {
			kind = args[1] // pflag reads an optional value only after "="
		}
		if !slices.Contains(exportKinds(), kind) {
			return usagef("--oscal %s: want one of %s", kind, kinds)
		}
		p, err := a.Profile(args[0])
		if err != nil {
			return err
		}
		e, err := a.LoadEngine(cmd.Context(), p)
		if err != nil {
			return err
		}
		r := oscalRequirements(p, rulesOf(e))
		switch kind {
		case "profile":
			return a.WriteJSON(file, oscal.NewProfile(r))
		case "component-definition":
			return a.WriteJSON(file, oscal.NewComponents(r, a.Tool))
		default:
			return a.WriteJSON(file, oscal.NewCatalog(r))
		}
	}
}

// oscalRequirements returns a profile's controls, completed with the titles and severities of their
// rules.
func oscalRequirements(p profile.Profile, rules map[string]audit.Rule) oscal.Requirements {
	r := oscal.Requirements{Profile: p.Identity()}
	for _, c := range p.Controls {
		rule := rules[c.Rule]
		r.Controls = append(r.Controls, oscal.Requirement{
			Control: audit.Control{
				ID: c.ID, Title: cmp.Or(c.Title, rule.Title), Rule: c.Rule, Severity: cmp.Or(c.Severity, rule.Severity),
				Why: c.Why, Citation: c.Citation,
			},
			Privileges: c.Privileges,
		})
	}
	return r
}
