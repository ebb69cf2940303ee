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

// A misdirectedError says that the environment responded for a different user or organization.
type misdirectedError struct {
	reason            string
	otherOrganization bool // then nothing can be judged
}

func (e misdirectedError) Error() string { return e.reason }

func otherOrganization(first, second string) error {
	const format = "the responses come from two organizations, %s and %s: check --url, and any proxy in between"
	return misdirectedError{reason: fmt.Sprintf(format, first, second), otherOrganization: true}
}

// misdirection returns the misdirectedError that err wraps, or an empty one.
func misdirection(err error) misdirectedError {
	e, _ := errors.AsType[misdirectedError](err)
	return e
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
		err := cmp.Or(readErr, verifyErr)
		if misdirection(verifyErr).reason != "" { // it explains every other fault
			err = verifyErr
		}
		if err == nil {
			return got, nil
		}
		if misdirection(failure).reason == "" {
			failure = err
		}
		if fault := misdirection(err); fault.otherOrganization || fault.reason == "" && !IsUnsupported(err) {
			break
		}
	}
	var zero T
	return zero, failure
}

// verifyCaller returns an error unless the environment responds as the user.
func (c *collection) verifyCaller(ctx context.Context, section snapshot.Section, who string, u *User, caller dataverse.Caller) error {
	got, err := ReadIdentity(ctx, c.reader, Read{section: section, Label: "whether " + who + " is impersonated", Caller: caller})
	switch {
	case err != nil:
		return err
	case got.Organization != c.organizationID:
		return otherOrganization(c.organizationID, got.Organization)
	case got.User == u.ID:
		return nil
	}
	actual := "the user " + got.User
	if got.User == c.auditor {
		actual = "the auditor"
	}
	return misdirectedError{reason: fmt.Sprintf("dbaudit asked to impersonate %s, but the environment responded as %s: %s",
		who, actual, dataverse.ImpersonationIgnoredAdvice("user"))}
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
	return ReadObject(ctx, s, read, dataverse.Function("WhoAmI"), func(r Row) Identity { return Identity{r.ID("UserId"), r.ID("OrganizationId")} })
}
