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
	a := ask{
		section: snapshot.SectionShares, what: "shares of views",
		where: []dataverse.Expr{dataverse.Eq("objecttypecode", "userquery")},
	}
	if c.Scope == snapshot.ScopeEnvironment {
		c.shares, err = shares().rows(ctx, c, a)
		return err
	}
	mine, all := c.principals(), map[string]bool{}
	for _, m := range c.company.members {
		maps.Copy(all, m.principals())
	}
	c.shares, err = shares().filtered(ctx, c, a, eachID("principalid", sortedKeys(all)))
	c.shares = slices.DeleteFunc(c.shares, func(s share) bool { return !mine[s.principal] })
	if refused(err) || forbidden(err) {
		c.shareTable = err
		return nil
	}
	return err
}

// principals are the user and its teams: those whose shares count for it.
func (c *collection) principals() map[string]bool {
	all := map[string]bool{}
	if c.user != nil {
		all[c.user.id] = true
		for _, t := range c.user.teams {
			all[t.id] = true
		}
	}
	return all
}

// A seen view is a view with an identity that sees it, and so may read its shares.
type seen struct {
	id string
	as dataverse.Caller
}

func (c *collection) seenByUser(views []view) []seen {
	all := make([]seen, len(views))
	for i, v := range views {
		all[i] = seen{id: v.id, as: c.userCaller}
	}
	return all
}

// readSharesByView reads the shares of single views, as an identity that sees them. If the
// auditor cannot read the share table, these are all views that the user sees; else those
// that no row of the table explains and, if the user's own list was not read, the owners'
// views that no row gives the user.
func (c *collection) readSharesByView(ctx context.Context) error {
	views := c.seenByUser(c.userViews)
	switch {
	case c.shareTable == nil:
		views = c.seenByUser(c.unexplained())
		for i, seen := range c.ownerViews {
			views = append(views, c.ungiven(seen, c.ownerCallers[i])...)
		}
	case !c.collected(snapshot.SectionUserViews):
		return c.end(ctx, snapshot.SectionShares, c.shareTable)
	}
	return c.askViews(ctx, views)
}

// askViews reads the shares of each view. If one cannot be read, it is unknown whether the
// share table is complete.
func (c *collection) askViews(ctx context.Context, views []seen) error {
	if len(views) == 0 && c.shareTable == nil {
		return nil
	}
	for _, v := range views {
		c.askedViews[v.id] = true
	}
	mine, found := c.principals(), make([][]share, len(views))
	err := parallel(ctx, len(views), func(ctx context.Context, i int) error {
		id, as := views[i].id, views[i].as
		accesses, err := object(ctx, c, ask{
			section: snapshot.SectionShares, what: "whom a view is shared with", as: as,
			from: sharesOfView(dataverse.GUID(id)),
		}, accessesOf)
		for _, a := range accesses {
			if mine[a.principal] {
				found[i] = append(found[i], share{principal: a.principal, view: id, mask: a.mask})
			}
		}
		return err
	})
	if err != nil {
		return c.end(ctx, snapshot.SectionShares, err)
	}
	for _, shares := range found {
		c.shares = append(c.shares, shares...)
	}
	switch left := slices.Concat(found...); {
	case c.shareTable != nil:
		c.note(snapshot.SectionShares, "the table of shares was not read (%s): the views that the user sees were asked instead; "+
			"a share without Read is not among them", explain(c.shareTable, c.known))
	case len(left) > 0:
		c.note(snapshot.SectionShares, "the table of shares shows this identity only a part of them: the views that were seen were asked as well; "+
			"a share without Read is not among them")
	}
	if left := c.unexplained(); len(left) > 0 {
		names := map[string]bool{}
		for _, v := range left {
			names[fmt.Sprintf("%q", v.Name)] = true
		}
		c.note(snapshot.SectionShares, "the user sees %s, which neither it nor a team of its owns and no share explains", strings.Join(sortedKeys(names), ", "))
	}
	return nil
}

// ungiven are the required views of a list that no row of the share table gives the user, if
// its own list was not read: the table may be incomplete.
func (c *collection) ungiven(views []view, as dataverse.Caller) []seen {
	if c.user == nil || c.collected(snapshot.SectionUserViews) || !c.collected(snapshot.SectionShares) {
		return nil
	}
	var all []seen
	for _, v := range c.ungivenOf(views) {
		if c.requires(v.Table, v.Name) && !c.askedViews[v.id] {
			all = append(all, seen{id: v.id, as: as})
		}
	}
	return all
}

// unexplained are the views that the user sees although neither it nor one of its teams owns
// them, and no row of the share table gives it Read. They reveal a table that returns only
// the caller's own rows.
func (c *collection) unexplained() []view {
	if c.user == nil || !c.collected(snapshot.SectionUserViews) || !c.collected(snapshot.SectionShares) {
		return nil
	}
	return c.ungivenOf(c.userViews)
}

// ungivenOf are those of the views that neither the user nor one of its teams owns, and that
// no row of the share table gives to read.
func (c *collection) ungivenOf(views []view) []view {
	mine, given := c.principals(), map[string]bool{}
	for _, s := range c.shares {
		if mine[s.principal] && !s.foreign && slices.Contains(snapshot.RightsOf(s.mask), snapshot.RightRead) {
			given[s.view] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(views), func(v view) bool { return mine[v.OwnerID] || given[v.id] })
}

func sharesOfView(view dataverse.GUID) dataverse.Query {
	return dataverse.Function("RetrieveSharedPrincipalsAndAccess", dataverse.RefArg("Target", "userqueries", view))
}

// accessesOf reads the answer of RetrieveSharedPrincipalsAndAccess.
func accessesOf(r Row) []share {
	return List(r, "PrincipalAccesses", "", func(inner Row) share {
		var s share
		s.mask = inner.rights("AccessMask")
		principal, ok := decode[map[string]any](inner, "Principal", "reference")
		if !ok {
			inner.Refuse("Principal", "is null")
		}
		for _, key := range []string{"systemuserid", "teamid", "ownerid"} {
			text, _ := principal[key].(string)
			if id, err := dataverse.ParseGUID(text); err == nil {
				s.principal = id.String()
				return s
			}
		}
		// A principal may be an organization, whose shares do not matter.
		kind, _ := principal["@odata.type"].(string)
		kind = kind[strings.LastIndexByte(kind, '.')+1:]
		if _, organization := principal["organizationid"]; !organization && (kind == "" || kind == "systemuser" || kind == "team") {
			inner.Refuse("Principal", "holds no id")
		}
		return s
	})
}
