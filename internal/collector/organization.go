package collector

import (
	"context"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// readIdentity reads who the auditor is. Without it, nothing else can be read, and the
// collection ends.
func (c *collection) readIdentity(ctx context.Context) error {
	me, err := ReadIdentity(ctx, c.reader, Read{section: snapshot.SectionOrganization, Label: "who is signed in"})
	c.auditor, c.organizationID = me.User, me.Organization
	if IsInconsistent(err) {
		return fmt.Errorf("%w: %s", err, dataverse.UnusableResponseAdvice)
	}
	return err
}

func (c *collection) readOrganization(ctx context.Context) error {
	found, err := readOrganizations(ctx, c.reader, Read{section: snapshot.SectionOrganization, Label: "organization"})
	switch {
	case err != nil:
		return err
	case len(found) != 1:
		return fmt.Errorf("organization: %d rows were returned instead of one: "+
			"give the auditor's role prvReadOrganization at Organization level", len(found))
	}
	c.organization = found[0]
	if c.organization.unknownReason != "" {
		c.note(snapshot.SectionOrganization, "the record-ownership setting is unknown: %s", c.organization.unknownReason)
	}
	return nil
}

// readOrganizations reads the organization's row, without its settings if the identity may not
// read these.
func readOrganizations(ctx context.Context, s *StrictReader, read Read) ([]organization, error) {
	found, err := organizations().Rows(ctx, s, read)
	if isForbidden(err) {
		s.omit("orgdborgsettings")
		return organizations().Rows(ctx, s, read)
	}
	return found, err
}
