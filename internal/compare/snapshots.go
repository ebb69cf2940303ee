package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Snapshots compares two snapshots of one environment; of two it is an error.
func Snapshots(older, newer *snapshot.Snapshot) (Diff, error) {
	if !strings.EqualFold(older.Environment.OrganizationID, newer.Environment.OrganizationID) {
		return Diff{}, fmt.Errorf("the snapshots are of different environments, %s (organization %s) and %s (organization %s): "+
			"compare two of the same", older.Environment.Name, older.Environment.OrganizationID, newer.Environment.Name, newer.Environment.OrganizationID)
	}
	c := comparison{older: older, newer: newer}
	c.compareRequirement()
	c.compareOrganization()
	c.compareBusinessUnits()
	c.comparePrivileges()
	c.compareRoles()
	c.compareGrants()
	c.compareUsersAndTeams()
	c.compareViews()
	c.compareSystemViews()
	c.compareShares()
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	d := Diff{Format: Format, Of: "snapshots", Environments: []Environment{{
		Name: newer.Environment.Name, OrganizationID: newer.Environment.OrganizationID,
		Old:     &Side{Digest: older.Digest, TakenAt: older.TakenAt},
		New:     &Side{Digest: newer.Digest, TakenAt: newer.TakenAt},
		Changes: c.changes, Incomparable: c.incomparable,
	}}}
	d.setSame()
	return d, nil
}

type comparison struct {
	older, newer *snapshot.Snapshot
	changes      []Change
	incomparable []Incomparable
}

// canCompare reports whether both sides read a section, and notes where not.
func (c *comparison) canCompare(section snapshot.Section) bool {
	before, after := c.older.IsCollected(section), c.newer.IsCollected(section)
	said, lacking := "neither snapshot contains", c.newer.Coverage[section]
	switch {
	case before && after:
		return true
	case after:
		said, lacking = "the older snapshot does not contain", c.older.Coverage[section]
	case before:
		said = "the newer snapshot does not contain"
	}
	c.addIncomparable(strings.ReplaceAll(string(section), "_", " "), said+" them: "+cmp.Or(lacking.Detail, lacking.State.String()), !before && !after)
	return false
}

func (c *comparison) addIncomparable(what, why string, known bool) {
	c.incomparable = append(c.incomparable, Incomparable{what, why, known})
}

// sameScope reports whether a row that only one side has was added or removed. With different scopes,
// one side may not have looked for it.
func (c *comparison) sameScope() bool { return c.older.Scope == c.newer.Scope }

// A row is what all kinds of rows have in common.
type row struct{ object, id, name string }

func (c *comparison) addChange(verb Verb, r row, what, from, to string) {
	c.changes = append(c.changes, Change{Verb: verb, Object: r.object, ID: r.id, Name: r.name, What: what, From: from, To: to})
}

func (c *comparison) addIfChanged(verb Verb, r row, what, from, to string) {
	if from != to {
		c.addChange(verb, r, what, from, to)
	}
}

func (c *comparison) addSwitch(r row, on, off Verb, was, now bool) {
	switch {
	case now && !was:
		c.addChange(on, r, "", "", "")
	case was && !now:
		c.addChange(off, r, "", "", "")
	}
}

// compareMembers notes what was put into or taken out of a list of ids.
func (c *comparison) compareMembers(r row, in, out Verb, was, now []string, name func(string) string) {
	for _, id := range now {
		if !slices.Contains(was, id) {
			c.addChange(in, r, name(id), "", "")
		}
	}
	for _, id := range was {
		if !slices.Contains(now, id) {
			c.addChange(out, r, name(id), "", "")
		}
	}
}

// compareRows compares two maps by id, if their section can be compared; both gets what both have.
func compareRows[V any](c *comparison, compared bool, object string, was, now map[string]V, name func(V) string, both func(r row, was, now V)) {
	if !compared {
		return
	}
	for _, id := range unionKeys(was, now) {
		old, inOld := was[id]
		young, inNew := now[id]
		switch {
		case inOld && inNew:
			r := row{object, id, name(young)}
			c.addIfChanged(VerbRenamed, r, "", name(old), name(young))
			both(r, old, young)
		case inNew && c.sameScope():
			c.addChange(VerbAdded, row{object, id, name(young)}, "", "", "")
		case inOld && c.sameScope():
			c.addChange(VerbRemoved, row{object, id, name(old)}, "", "", "")
		}
	}
}

func unionKeys[V any](a, b map[string]V) []string {
	ids := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (c *comparison) compareRequirement() {
	r := row{object: "requirement", name: "what is required"}
	old, young := requirementFields(c.older.Requirement), requirementFields(c.newer.Requirement)
	for _, key := range unionKeys(old, young) {
		c.addIfChanged(VerbChanged, r, strings.ReplaceAll(key, "_", " "), old[key], young[key])
	}
	if !c.sameScope() {
		c.addIncomparable("rows that only one snapshot contains", fmt.Sprintf("the scope was %s and is %s", c.older.Scope, c.newer.Scope), false)
	}
}

func requirementFields(r snapshot.Requirement) map[string]string {
	members, texts := map[string]json.RawMessage{}, map[string]string{}
	if data, err := json.Marshal(r); err == nil && json.Unmarshal(data, &members) == nil {
		for key, value := range members {
			texts[key] = strings.Trim(string(value), `"`)
		}
	}
	return texts
}
