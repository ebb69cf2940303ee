package collector

import (
	"context"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// readIdentity reads who the auditor is. Without an answer, nothing else can be read, and the
// whole collection stops.
func (c *collection) readIdentity(ctx context.Context) error {
	me, err := AskObject(ctx, c.Asker, Question{
		section: snapshot.SectionOrganization, What: "who is signed in",
		From: dataverse.Function("WhoAmI"),
	}, identityOf)
	c.auditor, c.organizationID = me.user, me.organization
	return err
}

func (c *collection) readOrganization(ctx context.Context) error {
	a := Question{section: snapshot.SectionOrganization, What: "organization"}
	found, err := Organizations().rows(ctx, c.Asker, a)
	if forbidden(err) {
		// An auditor may be allowed to read the row and not its settings.
		c.doWithout("orgdborgsettings")
		found, err = Organizations().rows(ctx, c.Asker, a)
	}
	switch {
	case err != nil:
		return err
	case len(found) != 1:
		return fmt.Errorf("organization: %d rows were returned instead of one: "+
			"give the auditor's role prvReadOrganization at Organization level", len(found))
	}
	c.organization = found[0]
	if c.organization.unread != "" {
		c.note(snapshot.SectionOrganization, "the record-ownership setting is unknown: %s", c.organization.unread)
	}
	return nil
}
