package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/oscal"
	"github.com/dbaudit/dbaudit/internal/profile"
)

// exportKinds are the documents of OSCAL that a profile can be exported as.
func exportKinds() []string { return []string{"catalog", "profile", "component-definition"} }

func newProfileExportCommand(a *app) *cobra.Command {
	var kind, file string
	kinds := strings.Join(exportKinds(), ", ")
	cmd := &cobra.Command{
		Use:   "export NAME|FILE --oscal [KIND]",
		Short: "write a profile as a document of NIST's OSCAL",
		Long: `Writes a profile as a document of OSCAL ` + oscal.Version + `. KIND is one of:

  catalog               one control for each of the profile's, with the line of
                        the vendor's page as its statement (the default)
  profile               chooses every control of that catalog
  component-definition  dbaudit as the component that checks them

The last two refer to the catalog as NAME.catalog.json in the same folder.`,
		Example: `  dbaudit profile export demandbase --oscal -o demandbase.catalog.json
  dbaudit profile export demandbase --oscal profile -o demandbase.profile.json
  dbaudit profile export ./acme.yaml --oscal component-definition`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("oscal") {
				return usagef("profile export writes only OSCAL: add --oscal")
			}
			if len(args) == 2 {
				kind = args[1] // an optional value of a flag is parsed only behind "="
			}
			if !slices.Contains(exportKinds(), kind) {
				return usagef("--oscal %s: want one of %s", kind, kinds)
			}
			return exportProfile(cmd.Context(), a, args[0], kind, file)
		},
	}
	cmd.Flags().StringVar(&kind, "oscal", "", "`kind` of document: "+kinds+" (default catalog)")
	cmd.Flags().Lookup("oscal").NoOptDefVal = exportKinds()[0]
	outputFileFlag(cmd.Flags(), &file)
	return cmd
}

func exportProfile(ctx context.Context, a *app, name, kind, file string) error {
	p, err := a.Profile(name)
	if err != nil {
		return err
	}
	e, err := a.Engine(ctx, p)
	if err != nil {
		return err
	}
	r := requirementsOf(p, rulesOf(e))
	switch kind {
	case "profile":
		return a.PutJSON(file, oscal.NewProfile(r))
	case "component-definition":
		return a.PutJSON(file, oscal.NewComponents(r, a.Tool))
	default:
		return a.PutJSON(file, oscal.NewCatalog(r))
	}
}

// requirementsOf completes a profile's controls by what their rules say.
func requirementsOf(p profile.Profile, rules map[string]audit.Rule) oscal.Requirements {
	r := oscal.Requirements{Profile: p.Identity()}
	for _, c := range p.Controls {
		rule := rules[c.Rule]
		severity := c.Severity
		if severity == audit.SeverityInvalid {
			severity = rule.Severity
		}
		k := oscal.Requirement{
			ID: string(c.ID), Title: cmp.Or(c.Title, rule.Title), Rule: c.Rule, Severity: severity.String(), Why: c.Why, Privileges: c.Privileges,
		}
		if c.Citation != nil {
			k.Citation = &audit.Citation{Tab: c.Citation.Tab, Line: c.Citation.Line}
		}
		r.Controls = append(r.Controls, k)
	}
	return r
}
