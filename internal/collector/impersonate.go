package collector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An otherOrganizationError says that two responses came from different organizations. Nothing
// can be judged then.
type otherOrganizationError struct{ first, second string }

func (e *otherOrganizationError) Error() string {
	return fmt.Sprintf("the responses come from two organizations, %s and %s: check --url, and any proxy in between", e.first, e.second)
}

// An impersonationIgnoredError says that the environment responded as a different user from
// the impersonated one.
type impersonationIgnoredError struct{ user, respondedAs string }

func (e *impersonationIgnoredError) Error() string {
	return fmt.Sprintf("dbaudit asked to impersonate %s, but the environment responded as %s: %s",
		e.user, e.respondedAs, dataverse.ImpersonationIgnoredAdvice("user"))
}

// readAs reads as a user. It names the user by the Entra object id or, if that is unknown,
// refused or ignored, by the systemuserid. The environment or a proxy can ignore either header
// silently, and then responds with the auditor's own rows. A WhoAmI with the same header
// therefore runs in parallel, and the rows count only if it returns the user.
func readAs[T any](ctx context.Context, c *collection, section snapshot.Section, who string, u *User,
	read func(context.Context, dataverse.Caller) (T, error),
) (T, error) {
	if u.ID == c.auditor {
		return read(ctx, dataverse.Caller{})
	}
	var failure error
	for _, caller := range u.Callers() {
		var got T
		var verifyErr, readErr error
		// Neither cancels the other, so that the same fault always gives the same message.
		var both sync.WaitGroup
		both.Go(func() { verifyErr = c.verifyCaller(ctx, section, who, u, caller) })
		both.Go(func() { got, readErr = read(ctx, caller) })
		both.Wait()
		err := cmp.Or(identityError(verifyErr), readErr, verifyErr)
		if err == nil {
			return got, nil
		}
		if identityError(failure) == nil {
			failure = err
		}
		if _, ignored := errors.AsType[*impersonationIgnoredError](err); !ignored && !IsUnsupported(err) {
			break
		}
	}
	var zero T
	return zero, failure
}

// identityError returns the error if it says that the response was for another identity, which
// explains every other fault; else nil.
func identityError(err error) error {
	if _, ignored := errors.AsType[*impersonationIgnoredError](err); ignored || isOtherOrganization(err) {
		return err
	}
	return nil
}

func isOtherOrganization(err error) bool {
	_, ok := errors.AsType[*otherOrganizationError](err)
	return ok
}

// verifyCaller returns an error unless the environment responds as the user.
func (c *collection) verifyCaller(ctx context.Context, section snapshot.Section, who string, u *User, caller dataverse.Caller) error {
	got, err := ReadIdentity(ctx, c.reader, Read{section: section, Label: "whether " + who + " is impersonated", Caller: caller})
	switch {
	case err != nil:
		return err
	case got.Organization != c.organizationID:
		return &otherOrganizationError{c.organizationID, got.Organization}
	case got.User == c.auditor:
		return &impersonationIgnoredError{who, "the auditor"}
	case got.User != u.ID:
		return &impersonationIgnoredError{who, "the user " + got.User}
	}
	return nil
}

// Callers returns the ways to name the user in a request, in the order in which they are tried.
func (u *User) Callers() []dataverse.Caller {
	bySystemUser := dataverse.Caller{SystemUserID: dataverse.GUID(u.ID)}
	if u.ObjectID == "" {
		return []dataverse.Caller{bySystemUser}
	}
	return []dataverse.Caller{{ObjectID: dataverse.GUID(u.ObjectID)}, bySystemUser}
}

// An Identity has the ids of the user as whom an environment responds, and of its organization.
type Identity struct{ User, Organization string }

// ReadIdentity reads as whom the environment responds to the caller of a read.
func ReadIdentity(ctx context.Context, s *StrictReader, read Read) (Identity, error) {
	read.Query = dataverse.Function("WhoAmI")
	return ReadObject(ctx, s, read, func(r Row) Identity { return Identity{r.ID("UserId"), r.ID("OrganizationId")} })
}
