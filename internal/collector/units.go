package collector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// readUnits reads all business units. Users of a disabled unit, and of units below it, cannot sign
// in.
func (c *collection) readUnits(ctx context.Context) (err error) {
	c.units, err = BusinessUnits().Rows(ctx, c.reader, Read{section: snapshot.SectionBusinessUnits, Label: "business units"})
	if err != nil {
		return err
	}
	isUserUnit := func(u unit) bool { return u.id == c.user.BusinessUnitID }
	if c.user == nil || c.user.BusinessUnitID == "" || slices.ContainsFunc(c.units, isUserUnit) {
		return nil
	}
	return fmt.Errorf("the business unit of the user %q is not visible: "+
		"give the auditor's role prvReadBusinessUnit at Organization level", c.user.Name)
}

// relevantUnits returns the business units that matter: the root, the one that the requirement
// names, those of the users, teams and roles that were read, and all units above them. In the
// scope of the environment, it returns all.
func (c *collection) relevantUnits() []unit {
	if c.Scope == snapshot.ScopeEnvironment {
		return c.units
	}
	byID, wanted := map[string]unit{}, map[string]bool{}
	for _, u := range c.units {
		byID[u.id] = u
		wanted[u.id] = u.ParentID == "" || c.Requirement.BusinessUnit != "" && strings.EqualFold(u.Name, c.Requirement.BusinessUnit)
	}
	for _, u := range c.users {
		wanted[u.BusinessUnitID] = true
	}
	for _, t := range c.teams {
		wanted[t.BusinessUnitID] = true
	}
	for _, r := range c.knownRoles() {
		wanted[r.BusinessUnitID] = true
	}
	for _, u := range c.units {
		for above := u; wanted[u.id] && above.ParentID != "" && !wanted[above.ParentID]; above = byID[above.ParentID] {
			wanted[above.ParentID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(c.units), func(u unit) bool { return !wanted[u.id] })
}
