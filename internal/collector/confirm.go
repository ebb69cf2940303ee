package collector

import (
	"context"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// confirmRoles reads the rows of all roles again, to make sure that none changed while its
// privileges were read; if one did, its privileges are read again. The same requests return
// the roles' roots, and their copies in the user's business unit, which a fix would assign.
// The conditions are those of all integrations: they share the first response, and each
// reads separately after a change.
func (c *collection) confirmRoles(ctx context.Context, conditions []dataverse.Expr) error {
	seen := c.firstSeen()
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			conditions = c.confirming(seen)
		}
		now, err := c.readRolesAgain(ctx, seen, conditions, attempt > 0)
		if forbidden(err) {
			// The roles that came with the users may not be all.
			if err := c.end(ctx, snapshot.SectionRoles, err); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("checking that no role changed during the read: %w", err)
		}
		c.confirmed = now
		changed, names := map[string]bool{}, map[string]bool{}
		for id, was := range seen {
			is, there := now[id]
			if !there {
				return fmt.Errorf("the role %q was deleted during the read: try again", was.Name)
			}
			if _, there := now[was.RootID]; !there && c.asked[was.RootID] {
				return fmt.Errorf("the role %q is visible in one business unit only, not in the one where it was created: "+
					"give the auditor's role prvReadRole at Organization level", was.Name)
			}
			if !is.stamp.same(was.stamp) && c.asked[was.RootID] {
				changed[was.RootID] = true
				names[fmt.Sprintf("%q", is.Name)] = true
			}
		}
		switch {
		case len(changed) == 0:
			return nil
		case attempt == rereads:
			return fmt.Errorf("the role %s changed each time it was read: try again when nobody edits it",
				strings.Join(sortedKeys(names), ", "))
		}
		if err := c.readGrants(sortedKeys(changed), true)(ctx); err != nil {
			return err
		}
		seen = now
	}
}

// toConfirm are the ids of the roles that are read once more.
func (c *collection) toConfirm(seen map[string]role) map[string]bool {
	ids := map[string]bool{}
	for id, o := range seen {
		if c.asked[o.RootID] {
			ids[id], ids[o.RootID] = true, true
		}
	}
	return ids
}

// assignable is the business unit with the copies of roles that could be assigned to the user, or
// "".
func (c *collection) assignable() string {
	if c.Scope == snapshot.ScopeEnvironment || c.user == nil {
		return ""
	}
	return c.user.BusinessUnitID
}

// confirming has a condition for each role that is read once more.
func (c *collection) confirming(seen map[string]role) []dataverse.Expr {
	conditions := eachID("roleid", sortedKeys(c.toConfirm(seen)))
	if unit := c.assignable(); unit != "" {
		here := dataverse.EqID("_businessunitid_value", dataverse.GUID(unit))
		for _, copies := range eachID("_parentrootroleid_value", sortedKeys(c.asked)) {
			conditions = append(conditions, dataverse.And(here, copies))
		}
	}
	return conditions
}

func (c *collection) readRolesAgain(ctx context.Context, seen map[string]role, conditions []dataverse.Expr, fresh bool) (map[string]role, error) {
	found, err := Roles().filtered(ctx, c.StrictReader, Read{section: snapshot.SectionRoles, Label: "roles once more", fresh: fresh}, conditions)
	if err != nil {
		return nil, err
	}
	ids, unit := c.toConfirm(seen), c.assignable()
	now := map[string]role{}
	for _, o := range found {
		if mine := ids[o.id] || unit != "" && o.BusinessUnitID == unit && c.asked[o.RootID]; mine && !o.void {
			now[o.id] = o
		}
	}
	for id, o := range seen {
		if !c.asked[o.RootID] {
			now[id] = o
		}
	}
	return now, nil
}
