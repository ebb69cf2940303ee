package collector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// requiredViewConditions has a condition for the name of each view that any integration requires. It has
// none for the table: the environment refuses a request that names a table which it does not
// have.
func (c *collection) requiredViewConditions() []dataverse.Expr {
	return textConditions("name", c.group.union(func(m *collection) (names []string) {
		for _, v := range m.Requirement.Views {
			names = append(names, v.Name)
		}
		return names
	}))
}

// isRequiredView reports whether a view of this table and name is required.
func (c *collection) isRequiredView(table, name string) bool {
	return slices.ContainsFunc(c.Requirement.Views, func(v snapshot.RequiredView) bool {
		return strings.EqualFold(v.Table, table) && strings.EqualFold(v.Name, name)
	})
}

// readViews reads the required personal views that an identity sees, or all that it sees.
func (c *collection) readViews(ctx context.Context, section snapshot.Section, what string, as dataverse.Caller, all bool) (found []view, err error) {
	q := Read{section: section, Label: what, Caller: as}
	if all {
		found, err = Views().rows(ctx, c.StrictReader, q)
	} else {
		found, err = Views().filteredRows(ctx, c.StrictReader, q, c.requiredViewConditions())
		found = slices.DeleteFunc(found, func(v view) bool { return !c.isRequiredView(v.Table, v.Name) })
	}
	for i := range found {
		found[i].caller = as
	}
	return found, err
}

// hasUnseenViews reports whether neither the user nor an owner saw one of the required views.
// Then it matters whether the auditor sees it.
func (c *collection) hasUnseenViews() bool {
	seen := map[[2]string]bool{}
	key := func(table, name string) [2]string { return [2]string{strings.ToLower(table), strings.ToLower(name)} }
	for _, v := range slices.Concat(c.ownerViews, c.userViews) {
		seen[key(v.Table, v.Name)] = true
	}
	system := map[[2]string]bool{}
	for _, v := range c.systemViews {
		system[key(v.Table, v.Name)] = true
	}
	return slices.ContainsFunc(c.Requirement.Views, func(v snapshot.RequiredView) bool {
		k := key(v.Table, v.Name)
		return !seen[k] && (v.Owner != "" || !system[k])
	})
}

func (c *collection) readAuditorViews(ctx context.Context) (err error) {
	c.auditorViews, err = c.readViews(ctx, snapshot.SectionViews, "personal views that the auditor sees", dataverse.Caller{}, c.Scope == snapshot.ScopeEnvironment)
	return err
}

// readOwnerViews reads as each configured owner. An owner that cannot be impersonated is a
// gap in the section; the others are still read.
func (c *collection) readOwnerViews(ctx context.Context) error {
	names := c.ownerNames()
	found := make([][]view, len(names))
	err := parallel(ctx, len(names), func(ctx context.Context, i int) (err error) {
		owner := c.owner(names[i])
		if owner == nil {
			return nil // see judgeAbsence
		}
		if reason := owner.disabledReason("the view's owner"); reason != "" {
			c.skip(reason, snapshot.SectionViews)
			return nil
		}
		found[i], err = readAs(ctx, c, snapshot.SectionViews, names[i], owner,
			func(ctx context.Context, as dataverse.Caller) ([]view, error) {
				return c.readViews(ctx, snapshot.SectionViews, "personal views that "+names[i]+" sees", as, c.Scope == snapshot.ScopeEnvironment)
			})
		return c.finish(ctx, snapshot.SectionViews, err)
	})
	c.ownerViews = slices.Concat(found...)
	return err
}

func (c *collection) owner(name string) *User {
	var found *User
	for i := range c.owners {
		o := &c.owners[i]
		if strings.EqualFold(o.DomainName, name) && !o.Deleted && (found == nil || o.ID < found.ID) {
			found = o
		}
	}
	return found
}

// noImpersonationReason says why the integration user cannot be impersonated, or "".
func (c *collection) noImpersonationReason() string {
	u := c.user
	if reason := u.disabledReason("the user"); reason != "" {
		return reason
	}
	held := len(u.roles)
	for _, t := range c.teams {
		held += len(t.roles) // in the wide scope of others' teams too: then it is tried
	}
	seen := c.isCollected(snapshot.SectionRoles) && c.isCollected(snapshot.SectionTeams) && !c.isPartial("prvReadRole") && !c.isPartial("prvReadTeam")
	if held == 0 && seen {
		return fmt.Sprintf("the user %q has no role and cannot be impersonated", u.Name)
	}
	return ""
}

// readUserViews reads all personal views that the integration user sees: those that it can
// use.
func (c *collection) readUserViews(ctx context.Context) (err error) {
	c.userViews, err = readAs(ctx, c, snapshot.SectionUserViews, "the integration user", c.user,
		func(ctx context.Context, as dataverse.Caller) ([]view, error) {
			return c.readViews(ctx, snapshot.SectionUserViews, "personal views that the integration user sees", as, true)
		})
	return err
}

func (c *collection) readSystemViews(ctx context.Context) (err error) {
	found, err := SystemViews().filteredRows(ctx, c.StrictReader, Read{
		section: snapshot.SectionSystemViews, Label: "system views",
		// querytype 0 is a view that people choose; others are for look-ups and forms.
		where: []dataverse.Expr{dataverse.EqInt("querytype", 0)},
	}, c.requiredViewConditions())
	c.systemViews = slices.DeleteFunc(found, func(v systemView) bool { return !c.isRequiredView(v.Table, v.Name) })
	return err
}

// ownerNames are the user principal names of the owners of required views, without duplicates.
func (c *collection) ownerNames() []string {
	var names []string
	for _, v := range c.Requirement.Views {
		names = append(names, v.Owner)
	}
	return distinct(names)
}

func (c *collection) readOwners(ctx context.Context) error {
	found, err := users().filteredRows(ctx, c.StrictReader, Read{section: snapshot.SectionViews, Label: "owners of views"},
		textConditions("domainname", c.group.union((*collection).ownerNames)))
	names := c.ownerNames()
	c.owners = slices.DeleteFunc(found, func(u User) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, u.DomainName) })
	})
	return err
}
