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

// readShares reads the shares of personal views with the user and its teams; in the wide
// scope, all shares.
func (c *collection) readShares(ctx context.Context) (err error) {
	a := Read{section: snapshot.SectionShares, Label: "shares of views"}
	if c.Scope == snapshot.ScopeEnvironment {
		c.shares, err = Shares().rows(ctx, c.StrictReader, a)
		return err
	}
	mine, all := c.userAndTeamIDs(), map[string]bool{}
	for _, m := range c.group.members {
		maps.Copy(all, m.userAndTeamIDs())
	}
	c.shares, err = Shares().filteredRows(ctx, c.StrictReader, a, idConditions("principalid", sortedKeys(all)))
	c.shares = slices.DeleteFunc(c.shares, func(s Share) bool { return !mine[s.Principal] })
	if isUnsupported(err) || isForbidden(err) {
		c.shareTableErr = err
		return nil
	}
	return err
}

// userAndTeamIDs are the user and its teams: shares with them count for the user.
func (c *collection) userAndTeamIDs() map[string]bool {
	all := map[string]bool{}
	if c.user != nil {
		all[c.user.ID] = true
		for _, t := range c.user.teams {
			all[t.id] = true
		}
	}
	return all
}

// readSharesByView reads the shares of single views, as an identity that sees them. If the
// auditor cannot read the share table, these are all views that the user sees; else those
// that no row of the table explains and, if the user's own list was not read, the owners'
// views that no row gives the user.
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

// readSharesOfViews reads the shares of each view. If one cannot be read, it is unknown whether the
// share table is complete.
func (c *collection) readSharesOfViews(ctx context.Context, views []view) error {
	if len(views) == 0 && c.shareTableErr == nil {
		return nil
	}
	for _, v := range views {
		c.sharesRequested[v.id] = true
	}
	mine, found := c.userAndTeamIDs(), make([][]Share, len(views))
	err := parallel(ctx, len(views), func(ctx context.Context, i int) error {
		v := views[i]
		accesses, err := ReadObject(ctx, c.StrictReader, Read{
			section: snapshot.SectionShares, Label: "the users and teams that a view is shared with", Caller: v.caller,
			Query: viewSharesQuery(dataverse.GUID(v.id)),
		}, decodePrincipalAccesses)
		for _, a := range accesses {
			if mine[a.Principal] {
				found[i] = append(found[i], Share{Principal: a.Principal, view: v.id, Mask: a.Mask})
			}
		}
		return err
	})
	if err != nil {
		return c.finish(ctx, snapshot.SectionShares, err)
	}
	told := slices.Concat(found...)
	c.shares = append(c.shares, told...)
	switch {
	case c.shareTableErr != nil:
		c.note(snapshot.SectionShares, "the table of shares was not read (%s): the shares of the views that the user sees were read instead; "+
			"a share without Read is not among them", explain(c.shareTableErr, c.principalNames))
	case len(told) > 0:
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

// unsharedRequiredViews are the required views of a list that no row of the share table gives the user, if
// its own list was not read: the table may be incomplete.
func (c *collection) unsharedRequiredViews(views []view) []view {
	if c.user == nil || c.isCollected(snapshot.SectionUserViews) || !c.isCollected(snapshot.SectionShares) {
		return nil
	}
	return slices.DeleteFunc(c.withoutReadAccess(views), func(v view) bool { return !c.isRequiredView(v.Table, v.Name) || c.sharesRequested[v.id] })
}

// unexplainedViews are the views that the user sees although neither it nor one of its teams owns
// them, and no row of the share table gives it Read. They reveal a table that returns only
// the caller's own rows.
func (c *collection) unexplainedViews() []view {
	if c.user == nil || !c.isCollected(snapshot.SectionUserViews) || !c.isCollected(snapshot.SectionShares) {
		return nil
	}
	return c.withoutReadAccess(c.userViews)
}

// withoutReadAccess are those of the views that neither the user nor one of its teams owns, and without a
// row of the share table that gives them Read.
func (c *collection) withoutReadAccess(views []view) []view {
	mine, given := c.userAndTeamIDs(), map[string]bool{}
	for _, s := range c.shares {
		if mine[s.Principal] && !s.otherTable && slices.Contains(snapshot.RightsOf(s.Mask), snapshot.RightRead) {
			given[s.view] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(views), func(v view) bool { return mine[v.OwnerID] || given[v.id] })
}

func viewSharesQuery(view dataverse.GUID) dataverse.Query {
	return dataverse.Function("RetrieveSharedPrincipalsAndAccess", dataverse.RefArg("Target", "userqueries", view))
}

// decodePrincipalAccesses reads the answer of RetrieveSharedPrincipalsAndAccess.
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
