// Package webapi reads and changes the targets of a plan through the Dataverse
// Web API. It is the one place that is handed a [dataverse.Writer].
//
// Everything is read with Consistency: Strong, past the caches of permissions
// ("Compose HTTP requests and handle errors"). Requests come filled from the
// plan; nothing is put together here, except for the one action whose parameter
// has two names: RemovePrivilegeRole takes Privilege by the metadata documents,
// and PrivilegeId by other pages.
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
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An Environment is a live environment.
type Environment struct{ writer *dataverse.Writer }

var _ apply.Mutator = (*Environment)(nil)

// New makes an environment that is changed through w.
func New(w *dataverse.Writer) *Environment { return &Environment{w} }

// Identity is who is signed in, and the environment that is reached.
func (e *Environment) Identity(ctx context.Context) (apply.Identity, error) {
	var who struct {
		OrganizationID dataverse.GUID `json:"OrganizationId"`
		UserID         dataverse.GUID `json:"UserId"`
	}
	if err := e.get(ctx, dataverse.Function("WhoAmI"), "who am I", &who); err != nil {
		return apply.Identity{}, err
	}
	return apply.Identity{Organization: who.OrganizationID.String(), User: who.UserID.String()}, nil
}

func (e *Environment) get(ctx context.Context, q dataverse.Query, label string, into any) error {
	r := q.Request(label)
	r.Strong = true
	data, err := e.writer.Get(ctx, r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: the answer cannot be used: %w", label, err)
	}
	return nil
}

// rows reads a whole collection.
func rows[T any](ctx context.Context, e *Environment, q dataverse.Query, label string) ([]T, error) {
	r := q.Request(label)
	r.Strong = true
	var list []T
	for data, err := range e.writer.Rows(ctx, r) {
		if err != nil {
			return nil, err
		}
		var row T
		if err := json.Unmarshal(data, &row); err != nil {
			return nil, fmt.Errorf("%s: a row cannot be used: %w", label, err)
		}
		list = append(list, row)
	}
	return list, nil
}

// Held are the privileges of whoever is signed in, by name in lower case, with the
// depth.
func (e *Environment) Held(ctx context.Context) (map[string]string, error) {
	who, err := e.Identity(ctx)
	if err != nil {
		return nil, err
	}
	var answer struct {
		RolePrivileges []struct {
			Depth        string         `json:"Depth"`
			Name         string         `json:"PrivilegeName"`
			RecordFilter dataverse.GUID `json:"RecordFilterId"`
		} `json:"RolePrivileges"`
	}
	q := dataverse.Row("systemusers", dataverse.GUID(who.User)).Function("RetrieveUserPrivileges")
	if err := e.get(ctx, q, "the privileges of whoever applies", &answer); err != nil {
		return nil, err
	}
	held := map[string]snapshot.Depth{}
	for _, g := range answer.RolePrivileges {
		if g.Name == "" {
			return nil, errors.New("the privileges of whoever applies: this environment gives no names of them")
		}
		depth, err := snapshot.ParseDepth(strings.ToLower(g.Depth))
		if err != nil || !g.RecordFilter.IsZero() {
			continue // for some records only, or nobody knows how far: it allows no change
		}
		name := strings.ToLower(g.Name)
		held[name] = max(held[name], depth)
	}
	names := make(map[string]string, len(held))
	for name, depth := range held {
		names[name] = depth.String()
	}
	return names, nil
}

// Undefined are those of the named privileges that the environment does not
// define, so that nobody can hold them.
func (e *Environment) Undefined(ctx context.Context, names []string) ([]string, error) {
	const most = 40 // names of one address, which must not grow too long
	defined := map[string]bool{}
	for chunk := range slices.Chunk(names, most) {
		q := dataverse.Collection("privileges").Select("name").Filter(dataverse.AnyOf("name", chunk...))
		found, err := rows[struct {
			Name string `json:"name"`
		}](ctx, e, q, "definitions of privileges")
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			defined[strings.ToLower(p.Name)] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return defined[strings.ToLower(name)] }), nil
}

// Current reads what a target is.
func (e *Environment) Current(ctx context.Context, t plan.Target, names []string) (apply.Reading, error) {
	now, err := e.read(ctx, t, names)
	var failed *dataverse.Error
	if errors.As(err, &failed) {
		switch failed.Kind { //nolint:exhaustive // the others are about this one target
		case dataverse.Unauthorized, dataverse.Throttled, dataverse.Transport, dataverse.Protocol, dataverse.Redirected:
			err = &apply.UnreachableError{Err: err}
		case dataverse.NotFound:
			err = &apply.GoneError{Err: err}
		}
	}
	return now, err
}

func (e *Environment) read(ctx context.Context, t plan.Target, names []string) (apply.Reading, error) {
	switch t.Kind {
	case plan.KindRole:
		return e.role(ctx, t)
	case plan.KindGrants:
		return e.grants(ctx, t, names)
	case plan.KindUser:
		return e.user(ctx, t)
	case plan.KindAssignment:
		return e.assignment(ctx, t)
	case plan.KindShare:
		return e.share(ctx, t)
	}
	return apply.Reading{}, fmt.Errorf("nothing is known about targets of the kind %q", t.Kind)
}

type roleRow struct {
	ID   dataverse.GUID `json:"roleid"`
	Unit dataverse.GUID `json:"_businessunitid_value"`
	Name string         `json:"name"`
	// Author is the user who made the row.
	Author dataverse.GUID `json:"_createdby_value"`
}

func (e *Environment) role(ctx context.Context, t plan.Target) (apply.Reading, error) {
	filter := dataverse.EqID("roleid", dataverse.GUID(t.Role.ID))
	if t.Role.ID == "" {
		filter = dataverse.And(dataverse.Eq("name", t.Role.Name), dataverse.EqID("_businessunitid_value", dataverse.GUID(t.BusinessUnit.ID)))
	}
	found, err := known[roleRow](ctx, e, dataverse.Collection("roles").Filter(filter), "the role",
		[]string{"roleid", "name", "_businessunitid_value"}, "_createdby_value")
	if err != nil {
		return apply.Reading{}, err
	}
	switch len(found) {
	case 0:
		return apply.Reading{State: plan.State{"role": plan.Absent}, IDs: map[string]string{}}, nil
	case 1:
		return apply.Reading{
			State: plan.State{"role": plan.Present}, IDs: map[string]string{plan.SlotRole: found[0].ID.String()}, Author: found[0].Author.String(),
		}, nil
	}
	return apply.Reading{}, fmt.Errorf("there are %d roles %q in one business unit", len(found), t.Role.Name)
}

// grants reads what a role grants, and the ids of the privileges that it does
// not.
func (e *Environment) grants(ctx context.Context, t plan.Target, names []string) (apply.Reading, error) {
	list, err := e.granted(ctx, t.Role.ID)
	if err != nil {
		return apply.Reading{}, err
	}
	now := apply.Reading{State: plan.State{}, IDs: map[string]string{}}
	wanted := map[string]string{}
	for _, name := range names {
		now.State[name] = plan.None
		wanted[strings.ToLower(name)] = name
	}
	named := map[string]string{} // id to wanted name, where the environment is older and its answer has no names
	for _, g := range list {
		if g.PrivilegeName != "" {
			continue
		}
		if err := e.identify(ctx, names, wanted, now.IDs); err != nil {
			return apply.Reading{}, err
		}
		for name, id := range now.IDs {
			named[id] = name
		}
		break
	}
	for _, g := range list {
		name, ok := wanted[strings.ToLower(g.PrivilegeName)]
		if g.PrivilegeName == "" {
			name, ok = named[g.PrivilegeID.String()]
		}
		if !ok || !g.RecordFilter.IsZero() {
			continue
		}
		depth, err := snapshot.ParseDepth(strings.ToLower(g.Depth))
		if err != nil {
			return apply.Reading{}, fmt.Errorf("what the role grants: %s: %w", name, err)
		}
		now.State[name], now.IDs[name] = depth.String(), g.PrivilegeID.String()
	}
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return now.IDs[name] != "" })
	return now, e.identify(ctx, missing, wanted, now.IDs)
}

// identify adds the ids of privileges to ids, by the spelling that wanted has for
// a name in lower case.
func (e *Environment) identify(ctx context.Context, names []string, wanted, ids map[string]string) error {
	for chunk := range slices.Chunk(names, 40) {
		found, err := rows[struct {
			ID   dataverse.GUID `json:"privilegeid"`
			Name string         `json:"name"`
		}](ctx, e, dataverse.Collection("privileges").Select("privilegeid", "name").Filter(dataverse.AnyOf("name", chunk...)), "the privileges' ids")
		if err != nil {
			return err
		}
		for _, p := range found {
			if name, ok := wanted[strings.ToLower(p.Name)]; ok {
				ids[name] = p.ID.String()
			}
		}
	}
	return nil
}

type userRow struct {
	ID       dataverse.GUID `json:"systemuserid"`
	Tag      string         `json:"@odata.etag"`
	Disabled bool           `json:"isdisabled"`
	Deleted  int            `json:"deletedstate"`
	Author   dataverse.GUID `json:"_createdby_value"`
}

func (u userRow) status() string {
	switch {
	case u.Deleted != 0:
		return plan.Deleted
	case u.Disabled:
		return plan.Disabled
	}
	return plan.Enabled
}

func (e *Environment) user(ctx context.Context, t plan.Target) (apply.Reading, error) {
	filter := dataverse.EqID("systemuserid", dataverse.GUID(t.User.ID))
	if t.User.ID == "" {
		filter = dataverse.EqID("applicationid", dataverse.GUID(t.ApplicationID))
	}
	// Older environments have no soft deletion.
	found, err := known[userRow](ctx, e, dataverse.Collection("systemusers").Filter(filter), "the user",
		[]string{"systemuserid", "isdisabled"}, "deletedstate", "_createdby_value")
	if err != nil {
		return apply.Reading{}, err
	}
	if live := slices.DeleteFunc(slices.Clone(found), func(u userRow) bool { return u.Deleted != 0 }); len(live) > 0 {
		found = live
	}
	switch len(found) {
	case 0:
		return apply.Reading{State: plan.State{"user": plan.Absent}, IDs: map[string]string{}}, nil
	case 1:
		return apply.Reading{
			State:  plan.State{"user": found[0].status()},
			IDs:    map[string]string{plan.SlotUser: found[0].ID.String(), plan.SlotTag: found[0].Tag},
			Author: found[0].Author.String(),
		}, nil
	}
	return apply.Reading{State: plan.State{"user": fmt.Sprintf("there %d times", len(found))}, IDs: map[string]string{}}, nil
}

// known reads a collection with those of the optional columns that the environment
// knows.
func known[T any](ctx context.Context, e *Environment, q dataverse.Query, label string, columns []string, optional ...string) ([]T, error) {
	found, err := rows[T](ctx, e, q.Select(slices.Concat(columns, optional)...), label)
	var refused *dataverse.Error
	if errors.As(err, &refused) {
		if i := slices.Index(optional, refused.MissingProperty()); i >= 0 {
			return known[T](ctx, e, q, label, columns, slices.Delete(slices.Clone(optional), i, i+1)...)
		}
	}
	return found, err
}

func (e *Environment) assignment(ctx context.Context, t plan.Target) (apply.Reading, error) {
	copied := t.Copy.ID
	if copied == "" {
		var err error
		if copied, err = e.copyOf(ctx, t); err != nil {
			return apply.Reading{}, err
		}
	}
	held, err := rows[roleRow](ctx, e,
		dataverse.Row("systemusers", dataverse.GUID(t.User.ID)).Nav("systemuserroles_association").Select("roleid", "name", "_businessunitid_value"), "the user's roles")
	if err != nil {
		return apply.Reading{}, err
	}
	now := apply.Reading{State: plan.State{"assigned": plan.No}, IDs: map[string]string{plan.SlotCopy: copied}}
	if slices.ContainsFunc(held, func(r roleRow) bool { return r.ID.String() == copied }) {
		now.State["assigned"] = plan.Yes
	}
	return now, nil
}

// copyOf finds the copy of a role in the target's business unit.
func (e *Environment) copyOf(ctx context.Context, t plan.Target) (string, error) {
	copies, err := e.copies(ctx, t.Role.ID)
	if err != nil {
		return "", err
	}
	for _, r := range copies {
		if r.Unit.String() == t.BusinessUnit.ID {
			return r.ID.String(), nil
		}
	}
	if t.AnyUnit {
		return t.Role.ID, nil
	}
	return "", fmt.Errorf("the role %q has no copy in the business unit %q, where the user sits", t.Role.Name, t.BusinessUnit.Name)
}

// copies are a role's root and its copies in other business units.
func (e *Environment) copies(ctx context.Context, root string) ([]roleRow, error) {
	return rows[roleRow](ctx, e, dataverse.Collection("roles").Select("roleid", "name", "_businessunitid_value").
		Filter(dataverse.EqID("_parentrootroleid_value", dataverse.GUID(root))), "the role's copies in business units")
}

// share reads what a principal was given of a view, by itself and not through
// something else. The table of shares may be closed to whoever applies, or show
// them their own rows alone: where it shows nothing, the view's owner is asked.
func (e *Environment) share(ctx context.Context, t plan.Target) (apply.Reading, error) {
	found, err := rows[struct {
		Mask int `json:"accessrightsmask"`
	}](ctx, e, dataverse.Collection("principalobjectaccessset").Select("principalobjectaccessid", "accessrightsmask").Filter(dataverse.And(
		dataverse.EqID("principalid", dataverse.GUID(t.Principal.ID)), dataverse.EqID("objectid", dataverse.GUID(t.View.ID)),
	)), "the share of the view")
	if err != nil && !turnedDown(err) {
		return apply.Reading{}, err
	}
	mask := 0
	for _, row := range found {
		mask |= row.Mask
	}
	access := plan.Access(snapshot.RightsOf(mask))
	if access == plan.None {
		switch told, tellErr := e.told(ctx, t); {
		case tellErr == nil:
			access = told
		case err != nil:
			return apply.Reading{}, errors.Join(err, tellErr)
		}
	}
	return apply.Reading{State: plan.State{"access": access}, IDs: map[string]string{}}, nil
}

// told is what the view's owner is told of the principal's share.
func (e *Environment) told(ctx context.Context, t plan.Target) (string, error) {
	var answer struct {
		PrincipalAccesses []struct {
			AccessMask string
			Principal  struct {
				Owner dataverse.GUID `json:"ownerid"`
				User  dataverse.GUID `json:"systemuserid"`
				Team  dataverse.GUID `json:"teamid"`
			}
		}
	}
	const label = "whom the view is shared with"
	r := dataverse.Function("RetrieveSharedPrincipalsAndAccess", dataverse.RefArg("Target", "userqueries", dataverse.GUID(t.View.ID))).Request(label)
	r.Strong = true
	var data json.RawMessage
	err := asEither(t.Owner, func(as dataverse.Caller) (err error) {
		r.Caller = as
		data, err = e.writer.Get(ctx, r)
		return err
	})
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return "", fmt.Errorf("%s: the answer cannot be used: %w", label, err)
	}
	mask := 0
	for _, p := range answer.PrincipalAccesses {
		if cmp.Or(p.Principal.Owner, p.Principal.User, p.Principal.Team).String() != t.Principal.ID {
			continue
		}
		given, err := maskOf(p.AccessMask)
		if err != nil {
			return "", fmt.Errorf("%s: %w", label, err)
		}
		mask |= given
	}
	return plan.Access(snapshot.RightsOf(mask)), nil
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
			return 0, fmt.Errorf("the right %q is not known", name)
		}
	}
	return mask, nil
}

// turnedDown reports whether the environment would not answer a question at all.
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

// Holders are the users who hold a role in any copy, directly or through a team.
func (e *Environment) Holders(ctx context.Context, root string) ([]apply.Holder, error) {
	copies, err := e.copies(ctx, root)
	if err != nil {
		return nil, err
	}
	ids := make([]dataverse.GUID, len(copies))
	for i, r := range copies {
		ids[i] = r.ID
	}
	through := map[dataverse.GUID]string{} // user to team, "" for a direct assignment
	direct, err := inChunks[struct {
		User dataverse.GUID `json:"systemuserid"`
	}](ctx, e, "systemuserrolescollection", "systemuserid", "roleid", ids, "who holds the role")
	if err != nil {
		return nil, err
	}
	teams, err := inChunks[struct {
		Team dataverse.GUID `json:"teamid"`
	}](ctx, e, "teamrolescollection", "teamid", "roleid", ids, "which teams hold the role")
	if err != nil {
		return nil, err
	}
	teamIDs := make([]dataverse.GUID, len(teams))
	for i, t := range teams {
		teamIDs[i] = t.Team
	}
	members, err := inChunks[struct {
		Team dataverse.GUID `json:"teamid"`
		User dataverse.GUID `json:"systemuserid"`
	}](ctx, e, "teammemberships", "teamid,systemuserid", "teamid", teamIDs, "who is in the teams that hold the role")
	if err != nil {
		return nil, err
	}
	names, err := inChunks[struct {
		ID   dataverse.GUID `json:"teamid"`
		Name string         `json:"name"`
	}](ctx, e, "teams", "teamid,name", "teamid", teamIDs, "the names of the teams")
	if err != nil {
		return nil, err
	}
	nameOf := map[dataverse.GUID]string{}
	for _, n := range names {
		nameOf[n.ID] = n.Name
	}
	for _, m := range members {
		through[m.User] = cmp.Or(nameOf[m.Team], m.Team.String())
	}
	for _, d := range direct {
		through[d.User] = ""
	}
	return e.named(ctx, through)
}

// named gives holders their names. Those that are soft-deleted hold nothing.
func (e *Environment) named(ctx context.Context, through map[dataverse.GUID]string) ([]apply.Holder, error) {
	ids := make([]dataverse.GUID, 0, len(through))
	for id := range through {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	users, err := inChunks[struct {
		ID   dataverse.GUID `json:"systemuserid"`
		Name string         `json:"fullname"`
	}](ctx, e, "systemusers", "systemuserid,fullname", "systemuserid", ids, "the names of those who hold the role")
	if err != nil {
		return nil, err
	}
	holders := make([]apply.Holder, 0, len(ids))
	for _, id := range ids {
		h := apply.Holder{ID: id.String(), Name: id.String(), Through: through[id]}
		for _, u := range users {
			if u.ID == id {
				h.Name = u.Name
			}
		}
		holders = append(holders, h)
	}
	return holders, nil
}

// inChunks reads the rows of a set whose column is one of the ids.
func inChunks[T any](ctx context.Context, e *Environment, set, columns, column string, ids []dataverse.GUID, label string) ([]T, error) {
	var all []T
	for chunk := range slices.Chunk(ids, 80) {
		q := dataverse.Collection(set).Select(strings.Split(columns, ",")...).Filter(dataverse.AnyID(column, chunk...))
		list, err := rows[T](ctx, e, q, label)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// Change sends one request of a plan.
func (e *Environment) Change(ctx context.Context, r plan.Request, label string) (made string, err error) {
	made, err = e.send(ctx, r, r.Body, label)
	if body, ok := otherParameter(r, err); ok {
		made, err = e.send(ctx, r, body, label)
	}
	if err == nil {
		return made, nil
	}
	effect := apply.EffectUncertain
	var failed *dataverse.Error
	if errors.As(err, &failed) && !failed.MayHaveHappened {
		effect = apply.EffectNone
		if failed.Kind == dataverse.Conflict {
			effect = apply.EffectRaced
		}
		if failed.Kind == dataverse.NotFound {
			err = &apply.GoneError{Err: err}
		}
		if failed.Kind == dataverse.NotMember && r.As != nil {
			err = fmt.Errorf("%s: nobody can act as the view's owner %s, which may be a team or a user that is gone: "+
				"have it done by hand, and leave it out of the plan by --except (%s)", label, cmp.Or(r.As.Name, r.As.ID), failed.Summary())
		}
	}
	return made, &apply.ChangeError{Effect: effect, Err: err}
}

func (e *Environment) send(ctx context.Context, r plan.Request, body json.RawMessage, label string) (made string, err error) {
	err = asEither(r.As, func(as dataverse.Caller) (err error) {
		request := dataverse.Request{Path: r.Path, Label: label, Caller: as}
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
			err = fmt.Errorf("%s: no request has the method %q", label, r.Method)
		}
		return err
	})
	return made, err
}

// asEither sends as a user, nobody else for nil: by the Entra object id or, where
// that is not known or the environment does not take it, by the systemuserid. A
// request that is refused as bad was not carried out.
func asEither(as *plan.Ref, send func(dataverse.Caller) error) error {
	if as == nil {
		return send(dataverse.Caller{})
	}
	if as.ObjectID != "" {
		err := send(dataverse.Caller{ObjectID: dataverse.GUID(as.ObjectID)})
		var refused *dataverse.Error
		if as.ID == "" || !errors.As(err, &refused) || refused.Kind != dataverse.BadRequest {
			return err
		}
	}
	return send(dataverse.Caller{SystemUserID: dataverse.GUID(as.ID)})
}

// otherParameter is the body of RemovePrivilegeRole under its parameter's other
// name, where the environment refused the first by name.
func otherParameter(r plan.Request, err error) (json.RawMessage, bool) {
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
