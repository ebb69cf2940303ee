package collector

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Dataverse does not refuse a read if the auditor has the privilege below Organization level.
// It omits the rows of other business units. Each collection therefore reads the auditor's own
// privileges, to find out which of its reads are partial.

// sectionsByPrivilege returns the privileges of the reads that may omit rows, each with the
// section that counts as not read if the access level is too low.
func sectionsByPrivilege() map[string]snapshot.Section {
	return map[string]snapshot.Section{
		"prvReadUser": snapshot.SectionUsers,
		"prvReadTeam": snapshot.SectionTeams,
		"prvReadRole": snapshot.SectionRoles,
	}
}

const readUnitsPrivilege = "prvReadBusinessUnit"

// visibilityPrivileges returns the names of the privileges that decide which rows the auditor sees.
func visibilityPrivileges() []string {
	return append(sortedKeys(sectionsByPrivilege()), readUnitsPrivilege)
}

// readAuditorGrants reads at which depths the auditor has the privileges to read. If this
// fails, rows may be missing, and the sections that depend on them count as not read.
func (c *collection) readAuditorGrants(ctx context.Context) error {
	read := Read{section: snapshot.SectionUsers, Label: "how far the auditor's reads reach"}
	grants, err := readUserGrants(ctx, c.reader, read, dataverse.GUID(c.auditor), visibilityPrivileges())
	if err != nil {
		for _, section := range sectionsByPrivilege() {
			if err := c.finish(ctx, section, err); err != nil {
				return err
			}
		}
		return nil
	}
	c.auditorGrants = map[string][]Grant{}
	for _, g := range grants {
		name := cmp.Or(strings.ToLower(g.Name), c.privilegeNames[g.ID])
		c.auditorGrants[name] = append(c.auditorGrants[name], g)
	}
	return nil
}

// isPartial reports whether a read may omit rows: the auditor is not known to have the
// privilege at Organization level.
func (c *collection) isPartial(privilege string) bool {
	return !slices.ContainsFunc(c.auditorGrants[strings.ToLower(privilege)], func(g Grant) bool {
		return g.Depth == audit.DepthGlobal && !g.Filtered
	})
}

// partialReason says why a read may omit rows.
func (c *collection) partialReason(privilege string) string {
	grants := c.auditorGrants[strings.ToLower(privilege)]
	if len(grants) == 0 {
		return fmt.Sprintf("the auditor's own privileges do not include %s, so it is unknown which rows it can read", privilege)
	}
	for _, g := range grants {
		how := g.Uncounted()
		if g.Filtered {
			how += " and does not see the others"
		}
		if how != "" {
			return fmt.Sprintf("the auditor has %s %s", privilege, how)
		}
	}
	return "the auditor does not see rows of other business units"
}

// markPartialSections records each section that may lack rows as not read.
func (c *collection) markPartialSections() {
	if c.auditorGrants == nil {
		return // readAuditorGrants recorded why
	}
	for privilege, section := range sectionsByPrivilege() {
		if c.isPartial(privilege) && !c.coversAllUnits(privilege) {
			c.record(section, snapshot.StateForbidden, fmt.Sprintf("%s: give the auditor's role %s at Organization level",
				c.partialReason(privilege), privilege))
		}
	}
	if c.isCollected(snapshot.SectionBusinessUnits) && !c.seesAllUnits() {
		c.note(snapshot.SectionBusinessUnits, "there may be others that the auditor does not see: give the auditor's role %s at Organization level",
			readUnitsPrivilege)
	}
}

// markMissingUsers records which users were not found. Only if all users are visible does this
// mean that they do not exist.
func (c *collection) markMissingUsers() {
	allVisible := !c.isPartial("prvReadUser") || c.coversAllUnits("prvReadUser")
	if c.user == nil && c.isCollected(snapshot.SectionUserViews) {
		reason := "there is no single integration user"
		if !allVisible {
			reason = "not all users are visible, and the visible ones do not include a single integration user"
		}
		c.skip(reason, snapshot.SectionUserViews)
	}
	for _, name := range c.ownerNames() {
		if c.owner(name) != nil {
			continue
		}
		reason := fmt.Sprintf("no user has the user principal name %q, which the configuration gives as a view's owner", name)
		if !allVisible {
			reason = fmt.Sprintf("not all users are visible, and the visible ones do not include the view's owner %q", name)
		}
		c.skip(reason, snapshot.SectionViews)
	}
}

// coversAllUnits reports whether a read below Organization level still returns the rows of every
// business unit.
func (c *collection) coversAllUnits(privilege string) bool {
	if !c.isCollected(snapshot.SectionBusinessUnits) || !c.seesAllUnits() {
		return false
	}
	parents := map[string]string{}
	for _, u := range c.units {
		parents[u.id] = u.ParentID
	}
	for id := range parents {
		if !c.coversUnit(privilege, id, parents, audit.DepthLocal) {
			return false
		}
	}
	return true
}

func (c *collection) seesAllUnits() bool {
	return slices.ContainsFunc(c.units, func(u unit) bool {
		return u.ParentID == "" && (!c.isPartial(readUnitsPrivilege) || c.coversUnit(readUnitsPrivilege, u.id, nil, audit.DepthDeep))
	})
}

// coversUnit reports whether a read returns the rows of a business unit: the auditor has the
// privilege from the unit itself, at the minimum depth or deeper, or from a unit above it, at
// depth deep or deeper.
func (c *collection) coversUnit(privilege, unit string, parents map[string]string, minimum audit.Depth) bool {
	for above, steps := unit, 0; above != "" && steps <= len(parents); above, steps = parents[above], steps+1 {
		for _, g := range c.auditorGrants[strings.ToLower(privilege)] {
			if g.BusinessUnitID == above && g.Depth >= minimum && !g.Filtered {
				return true
			}
		}
		minimum = audit.DepthDeep
	}
	return false
}
