package collector

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An identity that may read a table only in some business units is not refused: it gets the
// rows of these units, as if there were no others. So each collection checks how far its own
// reads extend.

// sectionsByPrivilege are the reads that may omit rows of other business units, each with the section
// that counts as not read if the access level is too low.
func sectionsByPrivilege() map[string]snapshot.Section {
	return map[string]snapshot.Section{
		"prvReadUser": snapshot.SectionUsers,
		"prvReadTeam": snapshot.SectionTeams,
		"prvReadRole": snapshot.SectionRoles,
	}
}

const readUnitsPrivilege = "prvReadBusinessUnit"

// visibilityPrivileges are all privileges with a reach that matters.
func visibilityPrivileges() []string {
	return append(sortedKeys(sectionsByPrivilege()), readUnitsPrivilege)
}

// readAuditorGrants reads how far the auditor's reads extend. If that is unknown, there may be more
// rows than were returned, and what depends on them counts as not read.
func (c *collection) readAuditorGrants(ctx context.Context) error {
	q := Read{section: snapshot.SectionUsers, Label: "how far the auditor's reads reach"}
	found, err := readUserGrants(ctx, c.StrictReader, q, dataverse.GUID(c.auditor), visibilityPrivileges())
	if err != nil {
		for _, section := range sectionsByPrivilege() {
			if err := c.finish(ctx, section, err); err != nil {
				return err
			}
		}
		return nil
	}
	c.auditorGrants = map[string][]Grant{}
	for _, s := range found {
		name := strings.ToLower(s.Name)
		if name == "" {
			name = c.privilegeNames[s.ID]
		}
		c.auditorGrants[name] = append(c.auditorGrants[name], s)
	}
	return nil
}

// isPartial reports whether a read does not cover the organization, or may not: the access level
// is unknown if the auditor's own privileges do not name the privilege.
func (c *collection) isPartial(privilege string) bool {
	return !slices.ContainsFunc(c.auditorGrants[strings.ToLower(privilege)], func(s Grant) bool {
		return s.Depth == audit.DepthGlobal && !s.Filtered
	})
}

// partialReason says why a read is incomplete.
func (c *collection) partialReason(privilege string) string {
	known := c.auditorGrants[strings.ToLower(privilege)]
	if len(known) == 0 {
		return fmt.Sprintf("the auditor's own privileges do not include %s, so it is unknown which rows it can read", privilege)
	}
	for _, s := range known {
		switch {
		case s.Filtered:
			return fmt.Sprintf("the auditor has %s for some records only and does not see the others", privilege)
		case s.Depth == audit.DepthNone:
			return fmt.Sprintf("the auditor has %s at the depth %q, which dbaudit does not know", privilege, s.RawDepth)
		}
	}
	return "the auditor does not see rows of other business units"
}

// markPartialSections marks each section as not read if rows may be missing from it.
func (c *collection) markPartialSections() {
	if c.auditorGrants == nil {
		return // see readSight
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

// markMissingUsers records which users do not exist, once it is known whether all users were
// seen.
func (c *collection) markMissingUsers() {
	whole := !c.isPartial("prvReadUser") || c.coversAllUnits("prvReadUser")
	if c.user == nil && c.isCollected(snapshot.SectionUserViews) {
		reason := "there is no single integration user"
		if !whole {
			reason = "not all users are visible, and the visible ones do not include a single integration user"
		}
		c.skip(reason, snapshot.SectionUserViews)
	}
	for _, name := range c.ownerNames() {
		if c.owner(name) != nil {
			continue
		}
		reason := fmt.Sprintf("no user has the user principal name %q, which the configuration gives as a view's owner", name)
		if !whole {
			reason = fmt.Sprintf("not all users are visible, and the visible ones do not include the view's owner %q", name)
		}
		c.skip(reason, snapshot.SectionViews)
	}
}

// coversAllUnits reports whether a read below organization level still covers every business
// unit.
func (c *collection) coversAllUnits(privilege string) bool {
	if !c.isCollected(snapshot.SectionBusinessUnits) || !c.seesAllUnits() {
		return false
	}
	parents := map[string]string{}
	for _, u := range c.units {
		parents[u.id] = u.ParentID
	}
	for unit := range maps.Keys(parents) {
		if !c.coversUnit(privilege, unit, parents, audit.DepthLocal) {
			return false
		}
	}
	return true
}

// seesAllUnits reports whether all business units were seen.
func (c *collection) seesAllUnits() bool {
	return slices.ContainsFunc(c.units, func(u unit) bool {
		return u.ParentID == "" && (!c.isPartial(readUnitsPrivilege) || c.coversUnit(readUnitsPrivilege, u.id, nil, audit.DepthDeep))
	})
}

// coversUnit reports whether a read covers the rows of a business unit: from the unit itself at
// a depth, or from a unit above it.
func (c *collection) coversUnit(privilege, unit string, parents map[string]string, least audit.Depth) bool {
	for above, steps := unit, 0; above != "" && steps <= len(parents); above, steps = parents[above], steps+1 {
		for _, s := range c.auditorGrants[strings.ToLower(privilege)] {
			if s.BusinessUnitID == above && s.Depth >= least && !s.Filtered {
				return true
			}
		}
		least = audit.DepthDeep
	}
	return false
}
