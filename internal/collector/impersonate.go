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

// A otherOrganizationError is a response from another organization than the others. Nothing can be
// judged then.
type otherOrganizationError struct{ first, second string }

func (e *otherOrganizationError) Error() string {
	return fmt.Sprintf("the responses come from two organizations, %s and %s: check --url, and any proxy in between", e.first, e.second)
}

// An impersonationIgnoredError says that the environment answered as another user than the impersonated
// one.
type impersonationIgnoredError struct{ who, as string }

func (e *impersonationIgnoredError) Error() string {
	return fmt.Sprintf("dbaudit asked to impersonate %s, but the environment responded as %s: "+
		"make sure that the user is enabled, and that no proxy drops the headers CallerObjectId and MSCRMCallerID", e.who, e.as)
}

// readAs reads as a user: by its Entra object id or, if that is unknown, refused or ignored,
// by its systemuserid. The environment or a proxy can ignore either header silently; the
// response is then the auditor's own. So a WhoAmI with the same header runs in parallel, and
// what was read counts only if it names the user.
func readAs[T any](ctx context.Context, c *collection, s snapshot.Section, who string, u *User,
	read func(context.Context, dataverse.Caller) (T, error),
) (T, error) {
	if u.ID == c.auditor {
		return read(ctx, dataverse.Caller{})
	}
	var fault error
	for _, as := range u.Callers() {
		var got T
		var unproven, unread error
		// Neither stops the other, so that a fault always has the same words.
		var both sync.WaitGroup
		both.Go(func() { unproven = c.verifyCaller(ctx, s, who, u, as) })
		both.Go(func() { got, unread = read(ctx, as) })
		both.Wait()
		err := cmp.Or(identityError(unproven), unread, unproven)
		if err == nil {
			return got, nil
		}
		if identityError(fault) == nil {
			fault = err
		}
		if !isUnsupported(err) && identityError(err) == nil || isOtherOrganization(err) {
			break
		}
	}
	var none T
	return none, fault
}

// identityError is the error if the response was for another user: this explains every other fault.
func identityError(err error) error {
	if _, unheeded := errors.AsType[*impersonationIgnoredError](err); unheeded || isOtherOrganization(err) {
		return err
	}
	return nil
}

func isOtherOrganization(err error) bool {
	_, foreign := errors.AsType[*otherOrganizationError](err)
	return foreign
}

// verifyCaller asks as whom the environment answers, and fails if that is not the user.
func (c *collection) verifyCaller(ctx context.Context, s snapshot.Section, who string, u *User, as dataverse.Caller) error {
	answered, err := ReadObject(ctx, c.StrictReader, Read{
		section: s, Label: "whether " + who + " is impersonated", Caller: as,
		Query: dataverse.Function("WhoAmI"),
	}, decodeIdentity)
	switch {
	case err != nil:
		return err
	case answered.organization != c.organizationID:
		return &otherOrganizationError{c.organizationID, answered.organization}
	case answered.user == c.auditor:
		return &impersonationIgnoredError{who, "the auditor"}
	case answered.user != u.ID:
		return &impersonationIgnoredError{who, "the user " + answered.user}
	}
	return nil
}

// Callers are the ways in which a user can be named in a request, in the order in which they
// are tried.
func (u *User) Callers() []dataverse.Caller {
	bySystemUser := dataverse.Caller{SystemUserID: dataverse.GUID(u.ID)}
	if u.ObjectID == "" {
		return []dataverse.Caller{bySystemUser}
	}
	return []dataverse.Caller{{ObjectID: dataverse.GUID(u.ObjectID)}, bySystemUser}
}

// An identity is what WhoAmI answers.
type identity struct{ user, organization string }

func decodeIdentity(r Row) identity { return identity{r.ID("UserId"), r.ID("OrganizationId")} }
