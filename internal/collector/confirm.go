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
	seen := c.knownRoles()
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			conditions = c.confirmConditions(seen)
		}
		now, err := c.rereadRoles(ctx, seen, conditions, attempt > 0)
		if isForbidden(err) {
			// The roles that came with the users may not be all.
			if err := c.finish(ctx, snapshot.SectionRoles, err); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("checking that no role changed during the read: %w", err)
		}
		c.confirmedRoles = now
		changed, names := map[string]bool{}, map[string]bool{}
		for id, was := range seen {
			is, there := now[id]
			if !there {
				return fmt.Errorf("the role %q was deleted during the read: try again", was.Name)
			}
			if _, there := now[was.RootID]; !there && c.requestedRoots[was.RootID] {
				return fmt.Errorf("the role %q is visible in one business unit only, not in the one where it was created: "+
					"give the auditor's role prvReadRole at Organization level", was.Name)
			}
			if !is.version.matches(was.version) && c.requestedRoots[was.RootID] {
				changed[was.RootID] = true
				names[fmt.Sprintf("%q", is.Name)] = true
			}
		}
		switch {
		case len(changed) == 0:
			return nil
		case attempt == maxRereads:
			return fmt.Errorf("the role %s changed each time it was read: try again when nobody edits it",
				strings.Join(sortedKeys(names), ", "))
		}
		if err := c.readGrants(sortedKeys(changed), true)(ctx); err != nil {
			return err
		}
		seen = now
	}
}

// rolesToConfirm are the ids of the roles that are read once more.
func (c *collection) rolesToConfirm(seen map[string]role) map[string]bool {
	ids := map[string]bool{}
	for id, o := range seen {
		if c.requestedRoots[o.RootID] {
			ids[id], ids[o.RootID] = true, true
		}
	}
	return ids
}

// assignableUnit is the business unit with the copies of roles that could be assigned to the user, or
// "".
func (c *collection) assignableUnit() string {
	if c.Scope == snapshot.ScopeEnvironment || c.user == nil {
		return ""
	}
	return c.user.BusinessUnitID
}

// confirmConditions has a condition for each role that is read once more.
func (c *collection) confirmConditions(seen map[string]role) []dataverse.Expr {
	conditions := idConditions("roleid", sortedKeys(c.rolesToConfirm(seen)))
	if unit := c.assignableUnit(); unit != "" {
		here := dataverse.EqID("_businessunitid_value", dataverse.GUID(unit))
		for _, copies := range idConditions("_parentrootroleid_value", sortedKeys(c.requestedRoots)) {
			conditions = append(conditions, dataverse.And(here, copies))
		}
	}
	return conditions
}

func (c *collection) rereadRoles(ctx context.Context, seen map[string]role, conditions []dataverse.Expr, fresh bool) (map[string]role, error) {
	found, err := Roles().filteredRows(ctx, c.StrictReader, Read{section: snapshot.SectionRoles, Label: "roles once more", fresh: fresh}, conditions)
	if err != nil {
		return nil, err
	}
	ids, unit := c.rolesToConfirm(seen), c.assignableUnit()
	now := map[string]role{}
	for _, o := range found {
		if mine := ids[o.id] || unit != "" && o.BusinessUnitID == unit && c.requestedRoots[o.RootID]; mine && !o.inactive {
			now[o.id] = o
		}
	}
	for id, o := range seen {
		if !c.requestedRoots[o.RootID] {
			now[id] = o
		}
	}
	return now, nil
}
