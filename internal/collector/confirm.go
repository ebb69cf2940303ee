package collector

import (
	"context"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// confirmRoles reads all roles again, to find out whether one changed while its privileges were
// read. If one did, it reads its privileges again. The same requests return the roots of the
// roles, and their copies in the user's business unit, which a fix would assign. The conditions
// are those of all integrations, so that these share the first response. After a change, each
// integration reads separately.
func (c *collection) confirmRoles(ctx context.Context, conditions []dataverse.Expr) error {
	before := c.knownRoles()
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			conditions = c.confirmConditions(before)
		}
		after, err := c.rereadRoles(ctx, before, conditions, attempt > 0)
		if isForbidden(err) {
			// There may be more roles than those that came with the users.
			if err := c.finish(ctx, snapshot.SectionRoles, err); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("checking that no role changed during the read: %w", err)
		}
		c.confirmedRoles = after
		roots, names, err := c.changedRoles(before, after)
		switch {
		case err != nil:
			return err
		case len(roots) == 0:
			return nil
		case attempt == maxRereads:
			return fmt.Errorf("the role %s changed each time it was read: try again when nobody edits it", strings.Join(names, ", "))
		}
		if err := c.grantsPart(roots, true)(ctx); err != nil {
			return err
		}
		before = after
	}
}

// changedRoles returns the roots and the names, in quotes, of the roles that changed. It returns
// an error if a role or its root is missing.
func (c *collection) changedRoles(before, after map[string]role) (roots, names []string, err error) {
	changed, quoted := map[string]bool{}, map[string]bool{}
	for id, old := range before {
		r, ok := after[id]
		if !ok {
			return nil, nil, fmt.Errorf("the role %q was deleted during the read: try again", old.Name)
		}
		if _, ok := after[old.RootID]; !ok && c.requestedRoots[old.RootID] {
			return nil, nil, fmt.Errorf("the role %q is visible in one business unit only, not in the one where it was created: "+
				"give the auditor's role prvReadRole at Organization level", old.Name)
		}
		if !r.version.matches(old.version) && c.requestedRoots[old.RootID] {
			changed[old.RootID] = true
			quoted[fmt.Sprintf("%q", r.Name)] = true
		}
	}
	return sortedKeys(changed), sortedKeys(quoted), nil
}

func (c *collection) rolesToConfirm(known map[string]role) map[string]bool {
	ids := map[string]bool{}
	for id, r := range known {
		if c.requestedRoots[r.RootID] {
			ids[id], ids[r.RootID] = true, true
		}
	}
	return ids
}

// assignableUnit returns the business unit with the copies of roles that can be assigned to the
// user, or "".
func (c *collection) assignableUnit() string {
	if c.Scope == snapshot.ScopeEnvironment || c.user == nil {
		return ""
	}
	return c.user.BusinessUnitID
}

// confirmConditions returns a condition for each role that is read again.
func (c *collection) confirmConditions(known map[string]role) []dataverse.Expr {
	conditions := idConditions("roleid", sortedKeys(c.rolesToConfirm(known)))
	if unit := c.assignableUnit(); unit != "" {
		inUnit := dataverse.EqID("_businessunitid_value", dataverse.GUID(unit))
		for _, copies := range idConditions("_parentrootroleid_value", sortedKeys(c.requestedRoots)) {
			conditions = append(conditions, dataverse.And(inUnit, copies))
		}
	}
	return conditions
}

func (c *collection) rereadRoles(ctx context.Context, known map[string]role, conditions []dataverse.Expr, fresh bool) (map[string]role, error) {
	found, err := Roles().filteredRows(ctx, c.reader, Read{section: snapshot.SectionRoles, Label: "roles once more", fresh: fresh}, conditions)
	if err != nil {
		return nil, err
	}
	ids, unit := c.rolesToConfirm(known), c.assignableUnit()
	roles := map[string]role{}
	for _, r := range found {
		if needed := ids[r.id] || unit != "" && r.BusinessUnitID == unit && c.requestedRoots[r.RootID]; needed && !r.inactive {
			roles[r.id] = r
		}
	}
	for id, r := range known {
		if !c.requestedRoots[r.RootID] {
			roles[id] = r
		}
	}
	return roles, nil
}
