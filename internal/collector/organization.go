package collector

import (
	"context"
	"errors"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// readIdentity reads who the auditor is. Without an answer, nothing else can be read, and the
// whole collection stops.
func (c *collection) readIdentity(ctx context.Context) error {
	me, err := ReadObject(ctx, c.StrictReader, Read{
		section: snapshot.SectionOrganization, Label: "who is signed in",
		Query: dataverse.Function("WhoAmI"),
	}, decodeIdentity)
	c.auditor, c.organizationID = me.user, me.organization
	if _, ok := errors.AsType[*inconsistentError](err); ok {
		return fmt.Errorf("%w: the response does not conform to the Dataverse Web API: check --url, and any proxy in between", err)
	}
	return err
}

func (c *collection) readOrganization(ctx context.Context) error {
	found, err := readOrganizations(ctx, c.StrictReader, Read{section: snapshot.SectionOrganization, Label: "organization"})
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

// ProbeOrganization reads the organization's row as a scan does.
func ProbeOrganization(ctx context.Context, s *StrictReader, what string, _ dataverse.Caller) ([]string, error) {
	found, err := readOrganizations(ctx, s, Read{Label: what})
	var ids []string
	for _, o := range found {
		ids = append(ids, o.ID)
	}
	return ids, err
}

// readOrganizations reads the table of the organization. An identity may be allowed to read the
// row and not its settings.
func readOrganizations(ctx context.Context, s *StrictReader, q Read) ([]organization, error) {
	found, err := organizations().rows(ctx, s, q)
	if isForbidden(err) {
		s.omit("orgdborgsettings")
		return organizations().rows(ctx, s, q)
	}
	return found, err
}
