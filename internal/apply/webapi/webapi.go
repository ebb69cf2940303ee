// Package webapi reads and changes the targets of a plan through the Dataverse
// Web API. It is the only package that receives a [dataverse.Writer].
//
// It reads everything with Consistency: Strong, which bypasses the permission caches
// ("Compose HTTP requests and handle errors"). Requests come complete from the plan, except
// for one action whose parameter has two names: RemovePrivilegeRole takes Privilege by the
// metadata documents, and PrivilegeId by other pages.
package webapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An Environment is a live environment.
type Environment struct {
	writer *dataverse.Writer
	asker  *collector.Asker
}

var _ apply.Mutator = (*Environment)(nil)

// New returns an environment that is changed through w.
func New(w *dataverse.Writer) *Environment { return &Environment{w, collector.NewAsker(w)} }

// Identity is the signed-in user and the actual environment.
func (e *Environment) Identity(ctx context.Context) (apply.Identity, error) {
	return object(ctx, e, dataverse.Function("WhoAmI"), "who am I", func(r collector.Row) apply.Identity {
		return apply.Identity{Organization: r.ID("OrganizationId"), User: r.ID("UserId")}
	})
}

// object reads a response that is one object.
func object[T any](ctx context.Context, e *Environment, q dataverse.Query, label string, take func(collector.Row) T) (T, error) {
	return collector.AskObject(ctx, e.asker, collector.Question{
		What: label, Query: func(func(...string) []string) dataverse.Query { return q },
	}, take)
}

// rows reads a whole collection; its first column identifies the rows.
func rows[T any](ctx context.Context, e *Environment, q dataverse.Query, label string, columns []string, take func(collector.Row) T) ([]T, error) {
	return collector.AskRows(ctx, e.asker, collector.Question{
		What: label, Key: columns[0], Query: func(known func(...string) []string) dataverse.Query { return q.Select(known(columns...)...) },
	}, take)
}

// Undefined are those of the named privileges that the environment does not define, so that
// nobody can have them.
func (e *Environment) Undefined(ctx context.Context, names []string) ([]string, error) {
	const most = 40 // names per address, which must not become too long
	defined := map[string]bool{}
	for chunk := range slices.Chunk(names, most) {
		q := dataverse.Collection("privileges").Filter(dataverse.AnyOf("name", chunk...))
		found, err := rows(ctx, e, q, "definitions of privileges", []string{"privilegeid", "name"},
			func(r collector.Row) string { return strings.ToLower(r.Text("name")) })
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			defined[name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return defined[strings.ToLower(name)] }), nil
}

// Current reads the state of a target.
func (e *Environment) Current(ctx context.Context, t change.Target, names []string) (apply.Reading, error) {
	now, err := e.read(ctx, t, names)
	return now, unreachable(err)
}

// unreachable marks errors that are not about a single row.
func unreachable(err error) error {
	var failed *dataverse.Error
	if errors.As(err, &failed) {
		switch failed.Kind { //nolint:exhaustive // the others are about this one target
		case dataverse.Unauthorized, dataverse.Throttled, dataverse.Transport, dataverse.Protocol, dataverse.Redirected:
			return &apply.UnreachableError{Err: err}
		case dataverse.NotFound:
			return &apply.GoneError{Err: err}
		}
	}
	return err
}

func (e *Environment) read(ctx context.Context, t change.Target, names []string) (apply.Reading, error) {
	switch t.Kind {
	case change.TargetRole:
		return e.role(ctx, t)
	case change.TargetGrants:
		return e.grants(ctx, t, names)
	case change.TargetUser:
		return e.user(ctx, t)
	case change.TargetAssignment:
		return e.assignment(ctx, t)
	case change.TargetShare:
		return e.share(ctx, t)
	}
	return apply.Reading{}, fmt.Errorf("targets of the kind %q are not supported", t.Kind)
}

func (e *Environment) role(ctx context.Context, t change.Target) (apply.Reading, error) {
	filter := dataverse.EqID("roleid", dataverse.GUID(t.Role.ID))
	if t.Role.ID == "" {
		filter = dataverse.And(dataverse.Eq("name", t.Role.Name), dataverse.EqID("_businessunitid_value", dataverse.GUID(t.BusinessUnit.ID)))
	}
	found, err := rows(ctx, e, dataverse.Collection("roles").Filter(filter), "the role", columnsOf(apply.TableRole), roleOf)
	if err != nil {
		return apply.Reading{}, err
	}
	switch len(found) {
	case 0:
		return apply.Reading{State: change.State{"role": change.Absent}, IDs: map[string]string{}}, nil
	case 1:
		return apply.Reading{State: change.State{"role": change.Present}, IDs: map[string]string{change.SlotRole: found[0].ID}, Row: &found[0]}, nil
	}
	return apply.Reading{}, fmt.Errorf("there are %d roles %q in one business unit", len(found), t.Role.Name)
}

// grants reads what a role grants, and the ids of the privileges that it does not grant.
func (e *Environment) grants(ctx context.Context, t change.Target, names []string) (apply.Reading, error) {
	list, err := e.granted(ctx, t.Role.ID)
	if err != nil {
		return apply.Reading{}, err
	}
	now := apply.Reading{State: change.State{}, IDs: map[string]string{}}
	wanted := map[string]string{}
	for _, name := range names {
		now.State[name] = change.None
		wanted[strings.ToLower(name)] = name
	}
	named := map[string]string{} // id to wanted name, for older environments, whose responses have no names
	if slices.ContainsFunc(list, func(g grant) bool { return g.name == "" }) {
		if err := e.identify(ctx, names, wanted, now.IDs); err != nil {
			return apply.Reading{}, err
		}
		for name, id := range now.IDs {
			named[id] = name
		}
	}
	for _, g := range list {
		name, ok := wanted[strings.ToLower(g.name)]
		if g.name == "" {
			name, ok = named[g.id]
		}
		switch {
		case !ok:
		case g.filtered:
			now.Filtered = append(now.Filtered, name)
		case g.depth == snapshot.DepthNone:
			return apply.Reading{}, fmt.Errorf("what the role grants: %s has an unknown depth, %q", name, g.said)
		default:
			now.State[name], now.IDs[name] = g.depth.String(), g.id
		}
	}
	slices.Sort(now.Filtered)
	now.Filtered = slices.Compact(now.Filtered)
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return now.IDs[name] != "" })
	return now, e.identify(ctx, missing, wanted, now.IDs)
}

// identify adds the ids of privileges to ids, under the spelling that wanted has for a name
// in lower case.
func (e *Environment) identify(ctx context.Context, names []string, wanted, ids map[string]string) error {
	for chunk := range slices.Chunk(names, 40) {
		found, err := rows(ctx, e, dataverse.Collection("privileges").Filter(dataverse.AnyOf("name", chunk...)), "the privileges' ids",
			[]string{"privilegeid", "name"}, func(r collector.Row) [2]string { return [2]string{r.ID("privilegeid"), r.Text("name")} })
		if err != nil {
			return err
		}
		for _, p := range found {
			if name, ok := wanted[strings.ToLower(p[1])]; ok {
				ids[name] = p[0]
			}
		}
	}
	return nil
}

type userRow struct {
	apply.Row

	tag    string
	status string
}

func userOf(r collector.Row) userRow {
	u := userRow{rowOf(r, apply.TableUser), r.Tag(), change.Enabled}
	if r.Flag("isdisabled") {
		u.status = change.Disabled
	}
	if r.OptionalNumber("deletedstate") != 0 {
		u.status = change.Deleted
	}
	return u
}

func (e *Environment) user(ctx context.Context, t change.Target) (apply.Reading, error) {
	filter := dataverse.EqID("systemuserid", dataverse.GUID(t.User.ID))
	if t.User.ID == "" {
		filter = dataverse.EqID("applicationid", dataverse.GUID(t.ApplicationID))
	}
	found, err := rows(ctx, e, dataverse.Collection("systemusers").Filter(filter), "the user",
		append(columnsOf(apply.TableUser), "isdisabled", "deletedstate"), userOf)
	if err != nil {
		return apply.Reading{}, err
	}
	if live := slices.DeleteFunc(slices.Clone(found), func(u userRow) bool { return u.status == change.Deleted }); len(live) > 0 {
		found = live
	}
	switch len(found) {
	case 0:
		return apply.Reading{State: change.State{"user": change.Absent}, IDs: map[string]string{}}, nil
	case 1:
		return apply.Reading{
			State: change.State{"user": found[0].status},
			IDs:   map[string]string{change.SlotUser: found[0].ID, change.SlotTag: found[0].tag},
			Row:   &found[0].Row,
		}, nil
	}
	return apply.Reading{State: change.State{"user": fmt.Sprintf("present %d times", len(found))}, IDs: map[string]string{}}, nil
}

func (e *Environment) assignment(ctx context.Context, t change.Target) (apply.Reading, error) {
	copied := t.Copy.ID
	if copied == "" {
		var err error
		if copied, err = e.copyOf(ctx, t); err != nil {
			return apply.Reading{}, err
		}
	}
	held, err := rows(ctx, e, dataverse.Row("systemusers", dataverse.GUID(t.User.ID)).Nav("systemuserroles_association"), "the user's roles",
		[]string{"roleid"}, func(r collector.Row) string { return r.ID("roleid") })
	if err != nil {
		return apply.Reading{}, err
	}
	now := apply.Reading{State: change.State{"assigned": change.No}, IDs: map[string]string{change.SlotCopy: copied}}
	if slices.Contains(held, copied) {
		now.State["assigned"] = change.Yes
	}
	return now, nil
}

// copyOf finds the copy of a role in the target's business unit.
func (e *Environment) copyOf(ctx context.Context, t change.Target) (string, error) {
	copies, err := e.copies(ctx, t.Role.ID)
	if err != nil {
		return "", err
	}
	for _, r := range copies {
		if r.Unit == t.BusinessUnit.ID {
			return r.ID, nil
		}
	}
	if t.AnyUnit {
		return t.Role.ID, nil
	}
	return "", fmt.Errorf("the role %q has no copy in the user's business unit %q", t.Role.Name, t.BusinessUnit.Name)
}

// copies are a role's root and its copies in other business units.
func (e *Environment) copies(ctx context.Context, root string) ([]apply.Row, error) {
	return rows(ctx, e, dataverse.Collection("roles").Filter(dataverse.EqID("_parentrootroleid_value", dataverse.GUID(root))),
		"the role's copies in business units", columnsOf(apply.TableRole), roleOf)
}

// A shareRow is what the table of shares says about one principal and one view.
type shareRow struct{ given, inherited int }

// share reads a principal's direct rights on a view. The table of shares may be closed to
// the applying identity, or show only its own rows: if it shows nothing, the view is read
// as its owner.
func (e *Environment) share(ctx context.Context, t change.Target) (apply.Reading, error) {
	found, err := rows(ctx, e, dataverse.Collection("principalobjectaccessset").Filter(dataverse.And(
		dataverse.EqID("principalid", dataverse.GUID(t.Principal.ID)), dataverse.EqID("objectid", dataverse.GUID(t.View.ID)),
	)), "the share of the view", []string{"principalobjectaccessid", "accessrightsmask", "inheritedaccessrightsmask"},
		func(r collector.Row) shareRow {
			return shareRow{r.OptionalNumber("accessrightsmask"), r.OptionalNumber("inheritedaccessrightsmask")}
		})
	if err != nil && !turnedDown(err) {
		return apply.Reading{}, err
	}
	var all shareRow
	for _, s := range found {
		all.given |= s.given
		all.inherited |= s.inherited
	}
	access := change.Access(snapshot.RightsOf(all.given))
	if access == change.None && all.inherited == 0 {
		switch told, tellErr := e.told(ctx, t); {
		case tellErr == nil:
			access = told
		case err != nil:
			return apply.Reading{}, errors.Join(err, tellErr)
		}
	}
	now := apply.Reading{State: change.State{"access": access}, IDs: map[string]string{}}
	if all.inherited != 0 {
		now.Inherited = change.Access(snapshot.RightsOf(all.inherited))
	}
	return now, nil
}

// told is what the view's owner sees of the principal's share.
func (e *Environment) told(ctx context.Context, t change.Target) (string, error) {
	const label = "the users and teams that the view is shared with"
	type access struct {
		principal string
		mask      int
	}
	var list []access
	err := e.asEither(ctx, t.Owner, func(as dataverse.Caller) (err error) {
		list, err = collector.AskObject(ctx, e.asker, collector.Question{What: label, As: as, Query: func(func(...string) []string) dataverse.Query {
			return dataverse.Function("RetrieveSharedPrincipalsAndAccess", dataverse.RefArg("Target", "userqueries", dataverse.GUID(t.View.ID)))
		}}, func(r collector.Row) []access {
			return collector.List(r, "PrincipalAccesses", "", func(r collector.Row) access {
				p := r.Within("Principal")
				a := access{principal: cmp.Or(p.Maybe("ownerid"), p.Maybe("systemuserid"), p.Maybe("teamid"))}
				var err error
				if a.mask, err = maskOf(r.Text("AccessMask")); err != nil && a.principal == t.Principal.ID {
					r.Refuse("AccessMask", err.Error())
				}
				return a
			})
		})
		return err
	})
	if err != nil {
		return "", err
	}
	mask := 0
	for _, a := range list {
		if a.principal == t.Principal.ID {
			mask |= a.mask
		}
	}
	return change.Access(snapshot.RightsOf(mask)), nil
}

// maskOf reads the text of an AccessRights enumeration.
func maskOf(text string) (int, error) {
	mask := 0
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(snapshot.Rights(), func(r snapshot.Right) bool {
			return strings.EqualFold(strings.ReplaceAll(r.String(), "-", "")+"Access", name)
		})
		switch {
		case i >= 0:
			mask |= int(snapshot.Rights()[i])
		case name != "None":
			return 0, fmt.Errorf("the right %q is unknown", name)
		}
	}
	return mask, nil
}

// turnedDown reports whether the environment refused a question.
func turnedDown(err error) bool {
	var e *dataverse.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case dataverse.Forbidden, dataverse.BadRequest, dataverse.NotFound:
		return true
	default:
		return false
	}
}

// Change sends one request of a plan.
func (e *Environment) Change(ctx context.Context, r change.Request, label string) (made string, err error) {
	made, err = e.send(ctx, r, r.Body, label)
	if body, ok := otherParameter(r, err); ok {
		made, err = e.send(ctx, r, body, label)
	}
	if err == nil {
		return made, nil
	}
	effect, settling := apply.EffectUncertain, false
	var unheeded *unheededError
	if errors.As(err, &unheeded) {
		effect = apply.EffectNone
	}
	var failed *dataverse.Error
	if errors.As(err, &failed) && !failed.MayHaveHappened {
		effect, settling = apply.EffectNone, lacksUserQuery(r, failed)
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

// lacksUserQuery reports whether a share was refused because its recipient lacks the right
// to read views: "Principal user (Id=..., ...) is missing prvReadUserQuery". The privileges
// of a role are cached for a while.
func lacksUserQuery(r change.Request, e *dataverse.Error) bool {
	if e.Kind != dataverse.Forbidden || !strings.EqualFold(e.MissingPrivilege(), "prvReadUserQuery") {
		return false
	}
	var body struct {
		PrincipalAccess struct {
			Principal struct {
				User string `json:"systemuserid"`
				Team string `json:"teamid"`
			}
		}
	}
	lacking := e.Principal().String()
	return lacking != "" && json.Unmarshal(r.Body, &body) == nil &&
		strings.EqualFold(lacking, cmp.Or(body.PrincipalAccess.Principal.User, body.PrincipalAccess.Principal.Team))
}

func (e *Environment) send(ctx context.Context, r change.Request, body json.RawMessage, label string) (made string, err error) {
	err = e.asEither(ctx, r.As, func(as dataverse.Caller) (err error) {
		request := dataverse.Request{Path: r.Path, Label: label, Caller: as, Strong: true}
		switch r.Method {
		case http.MethodPost:
			var written dataverse.Written
			written, err = e.writer.Post(ctx, request, body)
			made = written.ID.String()
		case http.MethodPatch:
			_, err = e.writer.Patch(ctx, request, body, r.IfMatch)
		case http.MethodDelete:
			err = e.writer.Delete(ctx, request)
		default:
			err = fmt.Errorf("%s: the method %q is not supported", label, r.Method)
		}
		return err
	})
	return made, err
}

// asEither sends as a user, or as the identity itself for nil: with the Entra object id or,
// if that is unknown, refused or ignored, with the systemuserid. A request that is refused
// as bad was not carried out.
func (e *Environment) asEither(ctx context.Context, as *change.Ref, send func(dataverse.Caller) error) error {
	if as == nil {
		return send(dataverse.Caller{})
	}
	var err error
	if as.ObjectID != "" {
		err = e.sendAs(ctx, as, dataverse.Caller{ObjectID: dataverse.GUID(as.ObjectID)}, send)
		var refused *dataverse.Error
		var unheeded *unheededError
		if as.ID == "" || !errors.As(err, &unheeded) && (!errors.As(err, &refused) || refused.Kind != dataverse.BadRequest) {
			return err
		}
	}
	return e.sendAs(ctx, as, dataverse.Caller{SystemUserID: dataverse.GUID(as.ID)}, send)
}

// An unheededError says that the environment responds as a different user than requested.
// Nothing was sent.
type unheededError struct{ owner, answered string }

func (e *unheededError) Error() string {
	return fmt.Sprintf("dbaudit asked to impersonate the view's owner %s, but the environment responded as the user %s, so nothing was sent: "+
		"make sure that the owner is enabled, and that no proxy drops the headers CallerObjectId and MSCRMCallerID", e.owner, e.answered)
}

// sendAs sends as a user after the environment has confirmed the impersonation: if it
// ignored the header, the applying identity would otherwise make the change.
func (e *Environment) sendAs(ctx context.Context, as *change.Ref, caller dataverse.Caller, send func(dataverse.Caller) error) error {
	user, err := collector.AskObject(ctx, e.asker, collector.Question{
		What: "whether the view's owner is impersonated", As: caller,
		Query: func(func(...string) []string) dataverse.Query { return dataverse.Function("WhoAmI") },
	}, func(r collector.Row) string { return r.ID("UserId") })
	if err != nil {
		return err
	}
	if user != as.ID {
		return &unheededError{cmp.Or(as.Name, as.ID, as.ObjectID), user}
	}
	return send(caller)
}

// otherParameter is the body of RemovePrivilegeRole with the parameter's other name, if the
// environment refused the first name.
func otherParameter(r change.Request, err error) (json.RawMessage, bool) {
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
