package collector

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// readShares reads the shares of personal views with the user and its teams; in the scope of the
// environment, all shares.
func (c *collection) readShares(ctx context.Context) (err error) {
	read := Read{section: snapshot.SectionShares, Label: "shares of views"}
	if c.Scope == snapshot.ScopeEnvironment {
		c.shares, err = Shares().Rows(ctx, c.reader, read)
		return err
	}
	own, all := c.userAndTeamIDs(), map[string]bool{}
	for _, m := range c.group.members {
		maps.Copy(all, m.userAndTeamIDs())
	}
	c.shares, err = Shares().filteredRows(ctx, c.reader, read, idConditions("principalid", sortedKeys(all)))
	c.shares = slices.DeleteFunc(c.shares, func(s Share) bool { return !own[s.Principal] })
	if IsUnsupported(err) || isForbidden(err) {
		c.shareTableErr = err
		return nil
	}
	return err
}

// userAndTeamIDs returns the ids of the user and its teams. Shares with them count for the user.
func (c *collection) userAndTeamIDs() map[string]bool {
	ids := map[string]bool{}
	if c.user != nil {
		ids[c.user.ID] = true
		for _, t := range c.user.teams {
			ids[t.id] = true
		}
	}
	return ids
}

// readSharesByView reads the shares of single views, as an identity that sees them. If the
// auditor cannot read the table of shares, these are all views that the user sees. Otherwise they
// are the views that no row of the table explains and, if the user's list of views was not read,
// the owners' views that no row shares with the user.
func (c *collection) readSharesByView(ctx context.Context) error {
	views := c.userViews
	switch {
	case c.shareTableErr == nil:
		views = append(c.unexplainedViews(), c.unsharedRequiredViews(c.ownerViews)...)
	case !c.isCollected(snapshot.SectionUserViews):
		return c.finish(ctx, snapshot.SectionShares, c.shareTableErr)
	}
	return c.readSharesOfViews(ctx, views)
}

// readSharesOfViews reads the shares of each view. If those of one view cannot be read, it is
// unknown whether the table of shares is complete.
func (c *collection) readSharesOfViews(ctx context.Context, views []view) error {
	if len(views) == 0 && c.shareTableErr == nil {
		return nil
	}
	for _, v := range views {
		c.sharesRequested[v.id] = true
	}
	own, found := c.userAndTeamIDs(), make([][]Share, len(views))
	err := parallel(ctx, len(views), func(ctx context.Context, i int) error {
		v := views[i]
		shares, err := ReadShares(ctx, c.reader, Read{
			section: snapshot.SectionShares, Label: "the users and teams that a view is shared with", Caller: v.caller,
		}, dataverse.GUID(v.id))
		for _, s := range shares {
			if own[s.Principal] {
				found[i] = append(found[i], Share{Principal: s.Principal, view: v.id, Mask: s.Mask})
			}
		}
		return err
	})
	if err != nil {
		return c.finish(ctx, snapshot.SectionShares, err)
	}
	added := slices.Concat(found...)
	c.shares = append(c.shares, added...)
	switch {
	case c.shareTableErr != nil:
		c.note(snapshot.SectionShares, "the table of shares was not read (%s): the shares of the views that the user sees were read instead; "+
			"a share without Read is not among them", explain(c.shareTableErr, c.principalNames))
	case len(added) > 0:
		c.note(snapshot.SectionShares, "the table of shares shows this identity only some shares: those of the visible views were also read one by one; "+
			"a share without Read is not among them")
	}
	if left := c.unexplainedViews(); len(left) > 0 {
		names := map[string]bool{}
		for _, v := range left {
			names[fmt.Sprintf("%q", v.Name)] = true
		}
		c.note(snapshot.SectionShares, "the user sees %s, but neither it nor its teams own it, and no share explains this", strings.Join(sortedKeys(names), ", "))
	}
	return nil
}

// unsharedRequiredViews returns those of the views that are required and that the table of shares
// does not give the user. It returns none if the user's list of views was read, which
// shows whether the table is complete.
func (c *collection) unsharedRequiredViews(views []view) []view {
	if c.user == nil || c.isCollected(snapshot.SectionUserViews) || !c.isCollected(snapshot.SectionShares) {
		return nil
	}
	return slices.DeleteFunc(c.withoutReadAccess(views), func(v view) bool { return !c.Requirement.HasView(v.Table, v.Name) || c.sharesRequested[v.id] })
}

// unexplainedViews returns the views that the user sees although neither ownership nor the table
// of shares gives it Read. They show that the table returns only the caller's own rows.
func (c *collection) unexplainedViews() []view {
	if c.user == nil || !c.isCollected(snapshot.SectionUserViews) || !c.isCollected(snapshot.SectionShares) {
		return nil
	}
	return c.withoutReadAccess(c.userViews)
}

// withoutReadAccess returns those of the views that neither the user nor one of its teams owns,
// and that no share gives them Read on.
func (c *collection) withoutReadAccess(views []view) []view {
	own, shared := c.userAndTeamIDs(), map[string]bool{}
	for _, s := range c.shares {
		if own[s.Principal] && !s.otherTable && slices.Contains(snapshot.RightsOf(s.Mask), snapshot.RightRead) {
			shared[s.view] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(views), func(v view) bool { return own[v.OwnerID] || shared[v.id] })
}

// decodePrincipalAccesses decodes the response of RetrieveSharedPrincipalsAndAccess.
func decodePrincipalAccesses(r Row) []Share {
	return objects(r, "PrincipalAccesses", "", func(inner Row) Share {
		var s Share
		s.Mask = inner.accessRights("AccessMask")
		principal, ok := decodeColumn[map[string]any](inner, "Principal", "reference")
		if !ok {
			inner.Reject("Principal", "is null")
		}
		for _, key := range []string{"systemuserid", "teamid", "ownerid"} {
			text, _ := principal[key].(string)
			if id, err := dataverse.ParseGUID(text); err == nil {
				s.Principal = id.String()
				return s
			}
		}
		// A principal may be an organization. Its shares do not matter.
		kind, _ := principal["@odata.type"].(string)
		kind = kind[strings.LastIndexByte(kind, '.')+1:]
		if _, organization := principal["organizationid"]; !organization && (kind == "" || kind == "systemuser" || kind == "team") {
			inner.Reject("Principal", "has no id")
		}
		return s
	})
}
