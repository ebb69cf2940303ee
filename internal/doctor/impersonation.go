package doctor

import (
	"context"
	"errors"
	"strings"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A somebody is a user to impersonate.
type somebody struct {
	id       dataverse.GUID
	objectID dataverse.GUID
	disabled bool
}

// callers are the ways to impersonate the user, in the order in which they are tried.
func (s somebody) callers() []dataverse.Caller {
	if s.objectID == "" {
		return []dataverse.Caller{{SystemUserID: s.id}}
	}
	return []dataverse.Caller{{ObjectID: s.objectID}, {SystemUserID: s.id}}
}

// impersonation impersonates the integration user and each configured owner of a view,
// because only the owner of a personal view and those it is shared with can see it.
func (x *examination) impersonation(ctx context.Context) {
	const id = "impersonation"
	r := x.Requirement
	who, filter := x.integration()
	x.lookAs(ctx, id, who, filter)
	seen := map[string]bool{}
	for _, v := range r.Views {
		if owner := strings.ToLower(v.Owner); owner != "" && !seen[owner] {
			seen[owner] = true
			x.lookAs(ctx, id, v.Owner, dataverse.Eq("domainname", v.Owner))
		}
	}
}

// integration names the integration user, and the condition that finds it.
func (x *examination) integration() (who string, filter dataverse.Expr) {
	switch r := x.Requirement; {
	case r.ApplicationID != "":
		return "the integration user", dataverse.EqID("applicationid", dataverse.GUID(r.ApplicationID))
	case r.User != "":
		return r.User, dataverse.Eq("domainname", r.User)
	}
	return "the integration user", dataverse.And(dataverse.NeNull("applicationid"), dataverse.Contains("fullname", x.Pattern))
}

func (x *examination) lookAs(ctx context.Context, id, who string, filter dataverse.Expr) {
	title := "impersonate " + dataverse.Printable(who)
	if x.skip(id, title) {
		return
	}
	x.Progress(title)
	if !x.users {
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: users cannot be read, see above"})
		return
	}
	found, err := x.find(ctx, who, filter)
	switch {
	case err != nil:
		x.fail(id, title, err)
		x.lacks(err, needs("prvReadUser"))
		return
	case len(found) == 0:
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "the user does not exist: a scan reports that"})
		return
	case found[0].disabled:
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "it is disabled and cannot be impersonated: a scan reports that"})
		return
	}
	x.known[found[0].id] = "the impersonated user"
	heeded := false
	for _, caller := range found[0].callers() {
		if _, err = collector.ProbeViews().First().Ask(ctx, x.asker, title, caller); err != nil {
			var refused *dataverse.Error
			if errors.As(err, &refused) && (refused.Kind == dataverse.BadRequest || refused.Kind == dataverse.NotFound) {
				continue // the environment does not accept this way to name the user
			}
			break
		}
		// The environment may ignore the header.
		if heeded, err = x.heeds(ctx, title, caller, found[0].id); heeded || err != nil {
			break
		}
	}
	switch {
	case heeded:
		x.add(Check{ID: id, Title: title, Outcome: Passed, Detail: "works, and WhoAmI returns this user"})
		return
	case err == nil:
		x.add(Check{
			ID: id, Title: title, Outcome: Failed,
			Detail: "the environment ignores the request to impersonate this user, and responds as another user: a scan does not use what it reads that way",
			Advice: "make sure that the user is enabled, and that no proxy drops the headers CallerObjectId and MSCRMCallerID",
		})
		return
	}
	x.fail(id, title, err)
	if !x.excused(err, found[0].id) {
		x.lacks(err, needs(actOnBehalf))
	}
}

// excused makes the last check a warning if a grant to this identity would not help, because
// the impersonated user is refused.
func (x *examination) excused(err error, user dataverse.GUID) bool {
	c := &x.checks[len(x.checks)-1]
	var refused *dataverse.Error
	if !errors.As(err, &refused) || refused.Kind != dataverse.Forbidden {
		return false
	}
	name, lacking := refused.MissingPrivilege(), refused.Principal()
	held := x.held[strings.ToLower(name)] > snapshot.DepthNone
	if lacking != "" {
		held = lacking == user && lacking != x.self
	}
	switch {
	case name != "" && !strings.EqualFold(name, actOnBehalf) && held:
		c.Advice = "the impersonated user itself lacks " + name + ": the views that it sees are unknown until one of its roles grants it"
	case name != "":
		return false
	case refused.Cause() != dataverse.CauseUnknown: // a state of that user: a scan says what it cannot judge
	case x.held[strings.ToLower(actOnBehalf)] > snapshot.DepthNone:
		c.Advice = "the environment refuses the impersonated user: make sure that it has a role, and that this identity has " + actOnBehalf + " through a role assigned to it directly"
	default:
		return false
	}
	c.Outcome = Warned
	return true
}

// heeds reports whether the environment responds as the impersonated user.
func (x *examination) heeds(ctx context.Context, title string, caller dataverse.Caller, id dataverse.GUID) (bool, error) {
	question := collector.Question{What: title, As: caller, From: dataverse.Function("WhoAmI")}
	user, err := collector.AskObject(ctx, x.asker, question, func(r collector.Row) string { return r.ID("UserId") })
	return strings.EqualFold(user, id.String()), err
}

// find gives the users that fit and are not deleted, enabled ones first.
func (x *examination) find(ctx context.Context, who string, filter dataverse.Expr) ([]somebody, error) {
	users, err := collector.AskUsers(ctx, x.asker, "find "+dataverse.Printable(who), filter)
	var found, disabled []somebody
	for _, u := range users {
		s := somebody{dataverse.GUID(u.ID), dataverse.GUID(u.ObjectID), u.Disabled}
		switch {
		case u.Deleted:
		case u.Disabled:
			disabled = append(disabled, s)
		default:
			found = append(found, s)
		}
	}
	return append(found, disabled...), err
}
