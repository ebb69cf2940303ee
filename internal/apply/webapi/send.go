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

// Change sends one request of a plan.
func (e *Environment) Change(ctx context.Context, r change.Request, label string) (made string, err error) {
	made, err = e.send(ctx, r, r.Body, label)
	if body, ok := alternativeBody(r, err); ok {
		made, err = e.send(ctx, r, body, label)
	}
	if err == nil {
		return made, nil
	}
	effect, settling := apply.EffectUncertain, false
	if _, ok := errors.AsType[*impersonationError](err); ok {
		effect = apply.EffectNone
	}
	if failed, ok := errors.AsType[*dataverse.Error](err); ok && !failed.MayHaveHappened {
		effect = apply.EffectNone
		known := knownPrincipals(r)
		// A grant may take effect late, because Dataverse caches privileges.
		settling = failed.Kind == dataverse.Forbidden && known[failed.Principal()] == recipient && strings.EqualFold(failed.MissingPrivilege(), "prvReadUserQuery")
		if failed.Kind == dataverse.Forbidden && known[failed.Principal()] != "" {
			err = errors.New(failed.Summary() + ": " + failed.AdviceFor(known))
		}
		if failed.Kind == dataverse.Conflict {
			effect = apply.EffectRaced
		}
		if failed.Kind == dataverse.NotFound {
			err = &apply.GoneError{Err: err}
		}
		if failed.Kind == dataverse.NotMember && r.As != nil {
			err = fmt.Errorf("%s: the view's owner %s cannot be impersonated; it may be a team or a deleted user: "+
				"do this manually, and leave it out of the plan with --except (%s)", label, cmp.Or(r.As.Name, r.As.ID), failed.Summary())
		}
	}
	return made, &apply.ChangeError{Effect: effect, Err: err, Settling: settling}
}

// recipient is how advice names who a view is shared with.
const recipient = "the recipient of the share"

// knownPrincipals are those whom a refusal of a change may name: the view's owner, on whose behalf
// it is made, and the recipient of a share.
func knownPrincipals(r change.Request) dataverse.PrincipalNames {
	var body struct {
		PrincipalAccess struct {
			Principal struct {
				User string `json:"systemuserid"`
				Team string `json:"teamid"`
			}
		}
	}
	known := dataverse.PrincipalNames{}
	if r.As != nil {
		known[dataverse.GUID(r.As.ID)] = fmt.Sprintf("the view's owner %q", r.As.Name)
	}
	_ = json.Unmarshal(r.Body, &body) // most changes have no recipient
	principal := body.PrincipalAccess.Principal
	if id, err := dataverse.ParseGUID(cmp.Or(principal.User, principal.Team)); err == nil {
		known[id] = recipient
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

// impersonate sends as a user, or as the identity itself for nil. It names the user by the Entra
// object id or, if that is unknown, refused or ignored, by the systemuserid.
func (e *Environment) impersonate(ctx context.Context, as *change.Ref, send func(dataverse.Caller) error) error {
	if as == nil {
		return send(dataverse.Caller{})
	}
	if as.ObjectID != "" {
		err := e.impersonateAs(ctx, as, dataverse.Caller{ObjectID: dataverse.GUID(as.ObjectID)}, send)
		var unheeded *impersonationError
		if as.ID == "" || !errors.As(err, &unheeded) && errorKind(err) != dataverse.BadRequest {
			return err
		}
	}
	return e.impersonateAs(ctx, as, dataverse.Caller{SystemUserID: dataverse.GUID(as.ID)}, send)
}

// An impersonationError says that the environment responds as another user, so that nothing was sent.
type impersonationError struct{ owner, answered string }

func (e *impersonationError) Error() string {
	return fmt.Sprintf("dbaudit asked to impersonate the view's owner %s, but the environment responded as the user %s, so nothing was sent: "+
		"make sure that the owner is enabled, and that no proxy drops the headers CallerObjectId and MSCRMCallerID", e.owner, e.answered)
}

// impersonateAs sends as a user after the environment has confirmed the impersonation.
func (e *Environment) impersonateAs(ctx context.Context, as *change.Ref, caller dataverse.Caller, send func(dataverse.Caller) error) error {
	user, err := collector.ReadObject(ctx, e.asker, collector.Read{
		Label: "whether the view's owner is impersonated", Caller: caller, Query: dataverse.Function("WhoAmI"),
	}, func(r collector.Row) string { return r.ID("UserId") })
	switch {
	case err != nil:
		return err
	case user != as.ID:
		return &impersonationError{cmp.Or(as.Name, as.ID, as.ObjectID), user}
	}
	return send(caller)
}

// alternativeBody is the body of RemovePrivilegeRole with the parameter's other name, if one was
// refused: the metadata documents say Privilege, other pages PrivilegeId.
func alternativeBody(r change.Request, err error) (json.RawMessage, bool) {
	var refused *dataverse.Error
	if !strings.HasSuffix(r.Path, ".RemovePrivilegeRole") || !errors.As(err, &refused) || refused.Kind != dataverse.BadRequest ||
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
