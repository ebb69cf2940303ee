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

// Snapshots compares two snapshots. It returns an error if they are of different environments.
func Snapshots(older, newer *snapshot.Snapshot) (Diff, error) {
	if !strings.EqualFold(older.Environment.OrganizationID, newer.Environment.OrganizationID) {
		return Diff{}, fmt.Errorf("the snapshots are of different environments, %s (organization %s) and %s (organization %s): "+
			"compare two of the same", older.Environment.Name, older.Environment.OrganizationID, newer.Environment.Name, newer.Environment.OrganizationID)
	}
	c := comparison{older: older, newer: newer, Environment: Environment{
		Name: newer.Environment.Name, OrganizationID: newer.Environment.OrganizationID,
		Old: &Side{Digest: older.Digest, TakenAt: older.TakenAt},
		New: &Side{Digest: newer.Digest, TakenAt: newer.TakenAt},
	}}
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
	slices.SortStableFunc(c.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	d := Diff{Format: Format, Of: "snapshots", Environments: []Environment{c.Environment}}
	d.setSame()
	return d, nil
}

// A comparison collects the differences of two snapshots.
type comparison struct {
	Environment

	older, newer *snapshot.Snapshot
}

// canCompare reports whether both snapshots contain a section. If not, it adds the section to what is
// incomparable.
func (c *comparison) canCompare(section snapshot.Section) bool {
	inOld, inNew := c.older.IsCollected(section), c.newer.IsCollected(section)
	why, coverage := "neither snapshot contains", c.newer.Coverage[section]
	switch {
	case inOld && inNew:
		return true
	case inNew:
		why, coverage = "the older snapshot does not contain", c.older.Coverage[section]
	case inOld:
		why = "the newer snapshot does not contain"
	}
	c.addIncomparable(words(string(section)), why+" them: "+cmp.Or(coverage.Detail, coverage.State.String()), !inOld && !inNew)
	return false
}

// sameScope reports whether the snapshots have the same scope. Otherwise, a row that only one of them
// has may not have been read for the other.
func (c *comparison) sameScope() bool { return c.older.Scope == c.newer.Scope }

// A row identifies the row that changed.
type row struct{ object, id, name string }

func (c *comparison) addChange(verb Verb, r row, what, from, to string) {
	c.Changes = append(c.Changes, Change{Verb: verb, Object: r.object, ID: r.id, Name: r.name, What: what, From: from, To: to})
}

func (c *comparison) addIfChanged(verb Verb, r row, what, from, to string) {
	if from != to {
		c.addChange(verb, r, what, from, to)
	}
}

func (c *comparison) addSwitch(r row, on, off Verb, old, current bool) {
	switch {
	case current && !old:
		c.addChange(on, r, "", "", "")
	case old && !current:
		c.addChange(off, r, "", "", "")
	}
}

func (c *comparison) compareMembers(r row, added, removed Verb, old, current []string, name func(string) string) {
	for _, id := range current {
		if !slices.Contains(old, id) {
			c.addChange(added, r, name(id), "", "")
		}
	}
	for _, id := range old {
		if !slices.Contains(current, id) {
			c.addChange(removed, r, name(id), "", "")
		}
	}
}

// compareRows compares rows by id, unless their section is incomparable. compare is called for the
// rows that both snapshots have.
func compareRows[V any](c *comparison, isComparable bool, object string, older, newer map[string]V, name func(V) string, compare func(r row, old, current V)) {
	if !isComparable {
		return
	}
	for _, id := range unionKeys(older, newer) {
		old, inOld := older[id]
		current, inNew := newer[id]
		switch {
		case inOld && inNew:
			r := row{object, id, name(current)}
			c.addIfChanged(VerbRenamed, r, "", name(old), name(current))
			compare(r, old, current)
		case inNew && c.sameScope():
			c.addChange(VerbAdded, row{object, id, name(current)}, "", "", "")
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
	old, current := requirementFields(c.older.Requirement), requirementFields(c.newer.Requirement)
	for _, key := range unionKeys(old, current) {
		c.addIfChanged(VerbChanged, r, words(key), old[key], current[key])
	}
	if !c.sameScope() {
		c.addIncomparable("rows that only one snapshot contains", fmt.Sprintf("the scope was %s and is %s", c.older.Scope, c.newer.Scope), false)
	}
}

// requirementFields returns the fields of a requirement as text, by their names in JSON.
func requirementFields(r snapshot.Requirement) map[string]string {
	members, texts := map[string]json.RawMessage{}, map[string]string{}
	if data, err := json.Marshal(r); err == nil && json.Unmarshal(data, &members) == nil {
		for key, value := range members {
			texts[key] = strings.Trim(string(value), `"`)
		}
	}
	return texts
}
