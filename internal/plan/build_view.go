package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A shareChange is a change of a share of a view. Without reasons, nothing changes.
type shareChange struct {
	view, principal, owner      change.Ref
	table                       string
	shareReasons, reduceReasons []change.Reason
	shareCause                  cause // the last of shareReasons
}

// impersonatedOwner returns the owner to impersonate for a share. It returns false if the owner is
// not an enabled user.
func (b *builder) impersonatedOwner(viewID string, ref *audit.Reference) (change.Ref, bool) {
	view := b.snapshot.Views[viewID]
	id := cmp.Or(refID(ref), view.OwnerID)
	_, team := b.snapshot.Teams[id]
	u, known := b.snapshot.Users[id]
	if id == "" || team || view.OwnerType == snapshot.PrincipalTeam || ref != nil && ref.Kind == "team" || known && u.Disabled {
		return change.Ref{}, false
	}
	kind := ""
	if known || view.OwnerType == snapshot.PrincipalUser {
		kind = "systemuser"
	}
	return change.Ref{Kind: kind, ID: id, Name: u.Name, ObjectID: u.ObjectID}, true
}

// disabledOwner returns the name of the owner of a fix's view, and whether that user is known to be
// disabled.
func (b *builder) disabledOwner(fix audit.Fix) (name string, disabled bool) {
	switch fix.Kind {
	case change.ShareView, change.ReduceShare, change.FindView, change.ActivateView:
	default:
		return "", false
	}
	id := cmp.Or(b.snapshot.Views[refID(fix.View)].OwnerID, refID(fix.Owner))
	if u, known := b.snapshot.Users[id]; known {
		return u.Name, u.Disabled
	}
	if fix.Owner == nil || fix.Owner.Name == "" {
		return "", false
	}
	for _, u := range b.snapshot.Users {
		if strings.EqualFold(u.DomainName, fix.Owner.Name) && u.Disabled {
			return u.Name, true
		}
	}
	return "", false
}

func (b *builder) share(c cause) {
	fix, why := c.fix, c.reason()
	viewID := refID(fix.View)
	owner, ok := b.impersonatedOwner(viewID, fix.Owner)
	principals := fix.Principals
	if fix.Kind == change.ShareView && fix.User != nil {
		principals = []audit.Reference{*fix.User}
	}
	switch {
	case viewID == "" || len(principals) == 0:
		b.addManual(c, obstacleViewUnread)
		return
	case !ok:
		b.addManual(c, obstacleOwnerTeam)
		return
	}
	for _, p := range principals {
		s := b.shareFor(change.Ref{ID: viewID, Name: fix.View.Name}, change.Ref{Kind: cmp.Or(p.Kind, "systemuser"), ID: p.ID, Name: p.Name}, owner)
		share := b.snapshot.Shares[p.ID][viewID]
		switch {
		case slices.Contains(share.Rights, snapshot.RightOther):
			b.addManual(c, obstacleOtherRights)
			return
		case fix.Kind == change.ReduceShare && slices.ContainsFunc(share.Inherited, func(r snapshot.Right) bool { return r != snapshot.RightRead }):
			b.addManual(c, obstacleInheritedRights)
			return
		case fix.Kind == change.ReduceShare:
			s.reduceReasons = addReasons(s.reduceReasons, why)
		default:
			s.shareReasons, s.shareCause = addReasons(s.shareReasons, why), c
		}
		s.table = cmp.Or(fix.Table, b.snapshot.Views[viewID].Table)
	}
}

func (b *builder) shareFor(view, principal, owner change.Ref) *shareChange {
	key := view.ID + " " + principal.ID
	if b.shares[key] == nil {
		b.shares[key] = &shareChange{view: view, principal: principal, owner: owner}
	}
	return b.shares[key]
}

// shareWithNewUser shares the required views with the user that the plan creates.
func (b *builder) shareWithNewUser() {
	c, ok := b.controlByRule(ruleViewShared)
	if !ok || b.newUser == nil {
		return
	}
	why := followUpReason(c, b.newUser.Why[0])
	for _, required := range b.snapshot.Requirement.Views {
		id, found := b.findRequiredView(required)
		if id == "" && found { // a system view, which needs no share
			continue
		}
		fix := audit.Fix{
			Kind: change.ShareView, Table: required.Table, View: &audit.Reference{ID: id, Name: required.Name},
			Owner: &audit.Reference{Name: required.Owner},
			User:  &audit.Reference{Kind: "systemuser", Name: b.newUser.Target.User.Name},
		}
		viewCause := cause{c, audit.Finding{Fingerprint: why.Fingerprint}, fix}
		owner, ok := b.impersonatedOwner(id, nil)
		switch {
		case !found:
			viewCause.fix.Kind = change.FindView
			b.addManual(viewCause, obstacleNone)
		case !ok:
			b.addManual(viewCause, obstacleOwnerTeam)
		default:
			s := b.shareFor(change.Ref{ID: id, Name: b.snapshot.Views[id].Name}, *b.newUser.Target.User, owner)
			s.table, s.shareReasons, s.shareCause = required.Table, addReasons(s.shareReasons, why), viewCause
		}
	}
}

// findRequiredView returns the id of a required view, preferably of the configured owner's. The id
// of a system view is empty.
func (b *builder) findRequiredView(required snapshot.RequiredView) (id string, found bool) {
	key := audit.ViewKey(required.Table, required.Name)
	matches := func(table, name string) bool { return audit.ViewKey(table, name) == key }
	for _, candidate := range slices.Sorted(maps.Keys(b.snapshot.Views)) {
		v := b.snapshot.Views[candidate]
		owned := required.Owner == "" || strings.EqualFold(b.snapshot.Users[v.OwnerID].DomainName, required.Owner)
		switch {
		case !matches(v.Table, v.Name):
		case owned:
			return candidate, true
		case id == "":
			id = candidate
		}
	}
	for _, v := range b.snapshot.SystemViews {
		found = found || matches(v.Table, v.Name)
	}
	return id, found || id != ""
}

// appendShares appends the shares of the owners who were read, or else of the other owners.
func (b *builder) appendShares(userMadeBy string, ownerRead bool) {
	for _, key := range slices.Sorted(maps.Keys(b.shares)) {
		if s := b.shares[key]; (s.owner.Name != "") == ownerRead {
			b.appendShare(s, userMadeBy)
		}
	}
}

func (b *builder) appendShare(s *shareChange, userMadeBy string) {
	principal := s.principal
	if principal.ID == "" {
		principal.MadeBy = userMadeBy
	}
	// Rights that are inherited from another shared record are not part of this share.
	share := b.snapshot.Shares[principal.ID][s.view.ID]
	rights := slices.DeleteFunc(slices.Clone(share.Rights), func(r snapshot.Right) bool { return slices.Contains(share.Inherited, r) })
	appendChange := func(kind audit.FixKind, to []snapshot.Right, why []change.Reason) {
		a := change.NewAction(kind, change.Target{View: &s.view, Table: s.table, Principal: &principal, Owner: &s.owner}, why)
		a.Before, a.After = change.ShareState(rights), change.ShareState(to)
		b.appendAction(a)
		rights = to
	}
	if s.shareReasons != nil && !slices.Contains(rights, snapshot.RightRead) {
		appendChange(change.ShareView, change.WithRead(rights), s.shareReasons)
	}
	if to := change.OnlyRead(rights); s.reduceReasons != nil && change.FormatRights(to) != change.FormatRights(rights) {
		appendChange(change.ReduceShare, to, s.reduceReasons)
	}
}
