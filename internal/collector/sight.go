package collector

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An identity whose read of a table is no deeper than some business units is not
// refused: it is shown the rows of these, as if there were no others. What it was
// not shown must not be taken for what is not there, and so each collection asks
// how far its own reads reach.

// sights are the reads that rows of other business units hang on, with the
// section that is not read where one of them falls short.
func sights() map[string]snapshot.Section {
	return map[string]snapshot.Section{
		"prvReadUser": snapshot.SectionUsers,
		"prvReadTeam": snapshot.SectionTeams,
		"prvReadRole": snapshot.SectionRoles,
	}
}

const readUnitsPrivilege = "prvReadBusinessUnit"

// sightNames are all privileges whose reach is asked for.
func sightNames() []string { return append(sortedKeys(sights()), readUnitsPrivilege) }

// A sight is how far a privilege of the auditor's own reaches, counted from a
// business unit.
type sight struct {
	granting

	unit string
}

// readSight learns how far the auditor's reads reach. Where nobody may say, that is
// noted, and not held against what was read.
func (c *collection) readSight(ctx context.Context) error {
	// The function that is given names is not in every environment's metadata.
	found, err := object(ctx, c, ask{
		section: snapshot.SectionUsers, what: "how far the auditor's reads reach",
		query: func(columnSet) dataverse.Query {
			return dataverse.Row("systemusers", dataverse.GUID(c.auditor)).Function("RetrieveUserPrivileges")
		},
	}, sightsOf)
	switch {
	case refused(err), forbidden(err):
		c.note(snapshot.SectionUsers, "how far the auditor's reads reach is not known, and so neither whether other business units have more rows (%s)", explain(err))
		return ctx.Err()
	case err != nil:
		for _, section := range sights() {
			if err := c.end(ctx, section, err); err != nil {
				return err
			}
		}
		return nil
	}
	c.sights = map[string][]sight{}
	for _, s := range found {
		name := strings.ToLower(s.name)
		if name == "" {
			name = c.sightIDs[s.id]
		}
		c.sights[name] = append(c.sights[name], s)
	}
	return nil
}

func sightsOf(r *row) []sight {
	return list(r, "RolePrivileges", "", func(inner *row) sight {
		return sight{grantOf(inner), inner.id("BusinessUnitId")}
	})
}

// short reports whether a read is known to stop short of the organization.
func (c *collection) short(privilege string) bool {
	known := c.sights[strings.ToLower(privilege)]
	for _, s := range known {
		if s.depth == snapshot.DepthGlobal {
			return false
		}
	}
	return len(known) > 0
}

// judgeSight holds against each section the rows that its answers may lack.
func (c *collection) judgeSight() {
	for privilege, section := range sights() {
		if c.short(privilege) && !c.reachesAll(privilege) {
			c.record(section, snapshot.StateForbidden, fmt.Sprintf("rows of other business units stay unseen: "+
				"give the auditor's role %s at organization level", privilege))
		}
	}
}

// reachesAll reports whether a short read reaches every business unit there is all
// the same.
func (c *collection) reachesAll(privilege string) bool {
	if !c.collected(snapshot.SectionBusinessUnits) {
		return false
	}
	parents, root := map[string]string{}, ""
	for _, u := range c.units {
		if parents[u.id] = u.ParentID; u.ParentID == "" {
			root = u.id
		}
	}
	if root == "" || c.short(readUnitsPrivilege) && !c.reaches(readUnitsPrivilege, root, nil, snapshot.DepthDeep) {
		return false // there may be more units than were seen
	}
	for unit := range maps.Keys(parents) {
		if !c.reaches(privilege, unit, parents, snapshot.DepthLocal) {
			return false
		}
	}
	return true
}

// reaches reports whether a read reaches the rows of a business unit: from the unit
// itself at a depth, or down from one above it.
func (c *collection) reaches(privilege, unit string, parents map[string]string, least snapshot.Depth) bool {
	for above, steps := unit, 0; above != "" && steps <= len(parents); above, steps = parents[above], steps+1 {
		for _, s := range c.sights[strings.ToLower(privilege)] {
			if s.unit == above && s.depth >= least {
				return true
			}
		}
		least = snapshot.DepthDeep
	}
	return false
}
