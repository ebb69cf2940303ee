package collector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// requiredViewConditions returns a condition for the name of each view that any integration
// requires. There are no conditions for the tables, because the environment refuses a request
// that names a table that it does not have.
func (c *collection) requiredViewConditions() []dataverse.Expr {
	return textConditions("name", c.group.union(func(m *collection) (names []string) {
		for _, v := range m.Requirement.Views {
			names = append(names, v.Name)
		}
		return names
	}))
}

// readViews reads the personal views that an identity sees: all, or only the required ones.
func (c *collection) readViews(ctx context.Context, section snapshot.Section, label string, caller dataverse.Caller, all bool) (found []view, err error) {
	read := Read{section: section, Label: label, Caller: caller}
	if all {
		found, err = Views().Rows(ctx, c.reader, read)
	} else {
		found, err = Views().filteredRows(ctx, c.reader, read, c.requiredViewConditions())
		found = slices.DeleteFunc(found, func(v view) bool { return !c.Requirement.HasView(v.Table, v.Name) })
	}
	for i := range found {
		found[i].caller = caller
	}
	return found, err
}

// hasUnseenViews reports whether there is a required view that neither the user nor an owner saw.
// Then the auditor's own views are read.
func (c *collection) hasUnseenViews() bool {
	return slices.ContainsFunc(c.Requirement.Views, func(required snapshot.RequiredView) bool {
		key := audit.ViewKey(required.Table, required.Name)
		matches := func(table, name string) bool { return audit.ViewKey(table, name) == key }
		seen := slices.ContainsFunc(slices.Concat(c.ownerViews, c.userViews), func(v view) bool { return matches(v.Table, v.Name) })
		isSystemView := slices.ContainsFunc(c.systemViews, func(v systemView) bool { return matches(v.Table, v.Name) })
		return !seen && (required.Owner != "" || !isSystemView)
	})
}

func (c *collection) readAuditorViews(ctx context.Context) (err error) {
	c.auditorViews, err = c.readViews(ctx, snapshot.SectionViews, "personal views that the auditor sees", dataverse.Caller{}, c.Scope == snapshot.ScopeEnvironment)
	return err
}

// readOwnerViews reads the views that each configured owner sees. If one owner cannot be
// impersonated, the section is incomplete, and the others are still read.
func (c *collection) readOwnerViews(ctx context.Context) error {
	names := c.ownerNames()
	found := make([][]view, len(names))
	err := parallel(ctx, len(names), func(ctx context.Context, i int) (err error) {
		owner := c.owner(names[i])
		if owner == nil {
			return nil // see markMissingUsers
		}
		if reason := owner.disabledReason("the view's owner"); reason != "" {
			c.skip(reason, snapshot.SectionViews)
			return nil
		}
		found[i], err = readAs(ctx, c, snapshot.SectionViews, names[i], owner,
			func(ctx context.Context, caller dataverse.Caller) ([]view, error) {
				return c.readViews(ctx, snapshot.SectionViews, "personal views that "+names[i]+" sees", caller, c.Scope == snapshot.ScopeEnvironment)
			})
		return c.finish(ctx, snapshot.SectionViews, err)
	})
	c.ownerViews = slices.Concat(found...)
	return err
}

// owner returns the user with a user principal name, or nil. Of several it chooses the one with
// the lowest id.
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

// noImpersonationReason says why the integration user cannot be impersonated; "" if it can.
func (c *collection) noImpersonationReason() string {
	u := c.user
	if reason := u.disabledReason("the user"); reason != "" {
		return reason
	}
	roles := len(u.roles)
	for _, t := range c.teams {
		roles += len(t.roles) // in the scope of the environment, also the roles of other users' teams
	}
	allVisible := c.isCollected(snapshot.SectionRoles) && c.isCollected(snapshot.SectionTeams) && !c.isPartial("prvReadRole") && !c.isPartial("prvReadTeam")
	if roles == 0 && allVisible {
		return fmt.Sprintf("the user %q has no role and cannot be impersonated", u.Name)
	}
	return ""
}

func (c *collection) readUserViews(ctx context.Context) (err error) {
	c.userViews, err = readAs(ctx, c, snapshot.SectionUserViews, "the integration user", c.user,
		func(ctx context.Context, caller dataverse.Caller) ([]view, error) {
			return c.readViews(ctx, snapshot.SectionUserViews, "personal views that the integration user sees", caller, true)
		})
	return err
}

func (c *collection) readSystemViews(ctx context.Context) error {
	// People choose views with querytype 0. Other types are for look-ups and forms.
	found, err := SystemViews().Where(dataverse.EqInt("querytype", 0)).filteredRows(ctx, c.reader,
		Read{section: snapshot.SectionSystemViews, Label: "system views"}, c.requiredViewConditions())
	c.systemViews = slices.DeleteFunc(found, func(v systemView) bool { return !c.Requirement.HasView(v.Table, v.Name) })
	return err
}

// ownerNames returns the user principal names of the owners of required views, without duplicates.
func (c *collection) ownerNames() []string {
	var names []string
	for _, v := range c.Requirement.Views {
		names = append(names, v.Owner)
	}
	return distinct(names)
}

func (c *collection) readOwners(ctx context.Context) error {
	found, err := users().filteredRows(ctx, c.reader, Read{section: snapshot.SectionViews, Label: "owners of views"},
		textConditions("domainname", c.group.union((*collection).ownerNames)))
	names := c.ownerNames()
	c.owners = slices.DeleteFunc(found, func(u User) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, u.DomainName) })
	})
	return err
}
