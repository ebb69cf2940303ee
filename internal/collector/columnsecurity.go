package collector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A fieldPermission says whether the members of a column security profile can read a column.
type fieldPermission struct {
	profile, column string
	canRead         bool
}

func decodeFieldPermission(r Row) fieldPermission {
	const allowed = 4
	return fieldPermission{
		column:  r.Text("entityname") + "." + r.Text("attributelogicalname"),
		canRead: r.Int("canread") == allowed,
		profile: r.ID("_fieldsecurityprofileid_value"),
	}
}

// readColumnSecurity notes the secured columns that the integration user cannot read: they
// appear empty to it, and no request fails. A column is secured if a column security profile
// names it, and only members of a profile that allows this can read it. No control depends on
// column security, so nothing is noted if the auditor may not read it.
func (c *collection) readColumnSecurity(ctx context.Context) error {
	hidden, err := c.hiddenColumns(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case IsUnsupported(err), isForbidden(err):
	case err != nil:
		c.note(snapshot.SectionUsers, "it is unknown whether column security hides columns from the user %q (%s)", c.user.Name, explain(err, c.principalNames))
	case len(hidden) > 0:
		c.note(snapshot.SectionUsers, "column security hides %s from the user %q, which reads them as empty: "+
			"if the integration uses them, add the user to a column security profile that can read them", strings.Join(hidden, ", "), c.user.Name)
	}
	return nil
}

// hiddenColumns returns the secured columns that no profile of the user or its teams lets it read.
func (c *collection) hiddenColumns(ctx context.Context) ([]string, error) {
	tables := textConditions("entityname", []string{"account", "contact", "lead", "opportunity"})
	permissions, err := FieldPermissions().Where(dataverse.Or(tables...)).Rows(ctx, c.reader, Read{
		section: snapshot.SectionUsers, Label: "permissions of secured columns",
	})
	if err != nil || len(permissions) == 0 {
		return nil, err
	}
	sources := []dataverse.Query{dataverse.Row("systemusers", dataverse.GUID(c.user.ID)).Nav("systemuserprofiles_association")}
	for _, t := range c.user.teams {
		sources = append(sources, dataverse.Row("teams", dataverse.GUID(t.id)).Nav("teamprofiles_association"))
	}
	found := make([][]string, len(sources))
	err = parallel(ctx, len(sources), func(ctx context.Context, i int) (err error) {
		found[i], err = ColumnProfiles(sources[i]).Rows(ctx, c.reader, Read{
			section: snapshot.SectionUsers, Label: "column security profiles of the user and its teams",
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("column security: %w", err)
	}
	profiles, hidden := slices.Concat(found...), map[string]bool{}
	for _, p := range permissions {
		if !slices.ContainsFunc(permissions, func(q fieldPermission) bool {
			return q.column == p.column && q.canRead && slices.Contains(profiles, q.profile)
		}) {
			hidden[p.column] = true
		}
	}
	return sortedKeys(hidden), nil
}
