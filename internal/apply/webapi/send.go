package webapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// Change sends a request of a plan.
func (e *Environment) Change(ctx context.Context, r change.Request, t change.Target, label string) (made string, err error) {
	made, err = e.send(ctx, r, r.Body, label)
	if body, ok := alternativeBody(r, err); ok {
		made, err = e.send(ctx, r, body, label)
	}
	if err == nil {
		return made, nil
	}
	return made, changeError(r, t, err, label)
}

// changeError returns the error of a request, with what the request may have changed.
func changeError(r change.Request, t change.Target, err error, label string) *apply.ChangeError {
	if _, ok := errors.AsType[*impersonationError](err); ok {
		return &apply.ChangeError{Effect: apply.EffectNone, Err: err}
	}
	result := &apply.ChangeError{Effect: apply.EffectUncertain, Err: err}
	failed, ok := errors.AsType[*dataverse.Error](err)
	if !ok || failed.MayHaveHappened {
		return result
	}
	result.Effect = apply.EffectNone
	switch failed.Kind {
	case dataverse.Forbidden:
		known := knownPrincipals(r, t)
		principal := known[failed.Principal()]
		// A granted privilege may take effect late, because Dataverse caches privileges.
		result.Settling = principal == recipient && strings.EqualFold(failed.MissingPrivilege(), "prvReadUserQuery")
		if principal != "" {
			result.Err = errors.New(failed.Summary() + ": " + failed.AdviceFor(known))
		}
	case dataverse.Conflict:
		result.Effect = apply.EffectRaced
	case dataverse.NotFound:
		result.Err = &apply.GoneError{Err: err}
	case dataverse.NotMember:
		if r.As != nil {
			result.Err = fmt.Errorf("%s: the view's owner %s cannot be impersonated; it may be a team or a deleted user: "+
				"do this manually, and leave it out of the plan with --except (%s)", label, cmp.Or(r.As.Name, r.As.ID), failed.Summary())
		}
	default:
	}
	return result
}

// recipient names the recipient of a share in advice.
const recipient = "the recipient of the share"

// knownPrincipals returns the principals that the error of a request may name: the view's owner,
// who is impersonated, and the recipient of a share.
func knownPrincipals(r change.Request, t change.Target) dataverse.PrincipalNames {
	known := dataverse.PrincipalNames{}
	if r.As != nil {
		known[dataverse.GUID(r.As.ID)] = fmt.Sprintf("the view's owner %q", r.As.Name)
	}
	if t.Principal != nil {
		known[dataverse.GUID(t.Principal.ID)] = recipient
	}
	return known
}

func (e *Environment) send(ctx context.Context, r change.Request, body json.RawMessage, label string) (made string, err error) {
	err = e.impersonate(ctx, r.As, func(as dataverse.Caller) (err error) {
		request := dataverse.Request{Path: r.Path, Label: label, Caller: as, Strong: true}
		id, err := e.writer.Change(ctx, r.Method, request, body, r.IfMatch)
		if r.Method == http.MethodPost {
			made = id.String()
		}
		return err
	})
	return made, err
}

// impersonate calls send for a user, or for the signed-in identity if as is nil. It identifies the
// user by the Entra object id. If that is unknown, refused or ignored, it uses the systemuserid.
func (e *Environment) impersonate(ctx context.Context, as *change.Ref, send func(dataverse.Caller) error) error {
	if as == nil {
		return send(dataverse.Caller{})
	}
	if as.ObjectID != "" {
		err := e.impersonateAs(ctx, as, dataverse.Caller{ObjectID: dataverse.GUID(as.ObjectID)}, send)
		_, ignored := errors.AsType[*impersonationError](err)
		if as.ID == "" || !ignored && dataverse.ErrorOf(err).Kind != dataverse.BadRequest {
			return err
		}
	}
	return e.impersonateAs(ctx, as, dataverse.Caller{SystemUserID: dataverse.GUID(as.ID)}, send)
}

// An impersonationError means that the environment ignores the impersonation, so that nothing was
// sent.
type impersonationError struct{ owner, actual string }

func (e *impersonationError) Error() string {
	return fmt.Sprintf("dbaudit asked to impersonate the view's owner %s, but the environment responded as the user %s, so nothing was sent: %s",
		e.owner, e.actual, dataverse.ImpersonationIgnoredAdvice("owner"))
}

// impersonateAs calls send after the environment has confirmed the impersonation.
func (e *Environment) impersonateAs(ctx context.Context, as *change.Ref, caller dataverse.Caller, send func(dataverse.Caller) error) error {
	who, err := collector.ReadIdentity(ctx, e.reader, collector.Read{Label: "whether the view's owner is impersonated", Caller: caller})
	switch {
	case err != nil:
		return err
	case who.User != as.ID:
		return &impersonationError{cmp.Or(as.Name, as.ID, as.ObjectID), who.User}
	}
	return send(caller)
}

// alternativeBody returns the body of RemovePrivilegeRole with the other name of the parameter, if
// the environment refused the first. It is Privilege in the metadata documents, and PrivilegeId
// on other pages.
func alternativeBody(r change.Request, err error) (json.RawMessage, bool) {
	refused := dataverse.ErrorOf(err)
	if !strings.HasSuffix(r.Path, ".RemovePrivilegeRole") || refused.Kind != dataverse.BadRequest ||
		!strings.Contains(refused.Message, "parameter") || !strings.Contains(refused.Message, "'Privilege'") {
		return nil, false
	}
	var body struct {
		Privilege struct {
			ID dataverse.GUID `json:"privilegeid"`
		} `json:"Privilege"`
	}
	if json.Unmarshal(r.Body, &body) != nil || body.Privilege.ID == "" {
		return nil, false
	}
	other, err := json.Marshal(map[string]string{"PrivilegeId": body.Privilege.ID.String()})
	return other, err == nil
}
