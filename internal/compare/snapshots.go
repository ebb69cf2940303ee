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
	c := comparison{was: older, now: newer}
	c.requirement()
	c.organization()
	c.businessUnits()
	c.privileges()
	c.roles()
	c.grants()
	c.usersAndTeams()
	c.views()
	c.systemViews()
	c.shares()
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	d := Diff{Format: Format, Of: "snapshots", Environments: []Environment{{
		Name: newer.Environment.Name, OrganizationID: newer.Environment.OrganizationID,
		Old:     &Side{Digest: older.Digest, TakenAt: older.TakenAt},
		New:     &Side{Digest: newer.Digest, TakenAt: newer.TakenAt},
		Changes: c.changes, Incomparable: c.incomparable,
	}}}
	d.settle()
	return d, nil
}

type comparison struct {
	was, now     *snapshot.Snapshot
	changes      []Change
	incomparable []Incomparable
}

// compares reports whether both sides read a section, and notes where not.
func (c *comparison) compares(section snapshot.Section) bool {
	before, after := c.was.IsCollected(section), c.now.IsCollected(section)
	said, lacking := "neither snapshot contains", c.now.Coverage[section]
	switch {
	case before && after:
		return true
	case after:
		said, lacking = "the older snapshot does not contain", c.was.Coverage[section]
	case before:
		said = "the newer snapshot does not contain"
	}
	c.lacks(strings.ReplaceAll(string(section), "_", " "), said+" them: "+cmp.Or(lacking.Detail, lacking.State.String()), !before && !after)
	return false
}

func (c *comparison) lacks(what, why string, known bool) {
	c.incomparable = append(c.incomparable, Incomparable{what, why, known})
}

// wide reports whether a row that only one side has was added or removed. With different scopes,
// one side may not have looked for it.
func (c *comparison) wide() bool { return c.was.Scope == c.now.Scope }

// A row is what all kinds of rows have in common.
type row struct{ object, id, name string }

func (c *comparison) change(verb Verb, r row, what, from, to string) {
	c.changes = append(c.changes, Change{Verb: verb, Object: r.object, ID: r.id, Name: r.name, What: what, From: from, To: to})
}

func (c *comparison) differs(verb Verb, r row, what, from, to string) {
	if from != to {
		c.change(verb, r, what, from, to)
	}
}

func (c *comparison) switched(r row, on, off Verb, was, now bool) {
	switch {
	case now && !was:
		c.change(on, r, "", "", "")
	case was && !now:
		c.change(off, r, "", "", "")
	}
}

// members notes what was put into or taken out of a list of ids.
func (c *comparison) members(r row, in, out Verb, was, now []string, name func(string) string) {
	for _, id := range now {
		if !slices.Contains(was, id) {
			c.change(in, r, name(id), "", "")
		}
	}
	for _, id := range was {
		if !slices.Contains(now, id) {
			c.change(out, r, name(id), "", "")
		}
	}
}

// rows compares two maps by id, if their section can be compared; both gets what both have.
func rows[V any](c *comparison, compared bool, object string, was, now map[string]V, name func(V) string, both func(r row, was, now V)) {
	if !compared {
		return
	}
	for _, id := range union(was, now) {
		old, inOld := was[id]
		young, inNew := now[id]
		switch {
		case inOld && inNew:
			r := row{object, id, name(young)}
			c.differs(VerbRenamed, r, "", name(old), name(young))
			both(r, old, young)
		case inNew && c.wide():
			c.change(VerbAdded, row{object, id, name(young)}, "", "", "")
		case inOld && c.wide():
			c.change(VerbRemoved, row{object, id, name(old)}, "", "", "")
		}
	}
}

func union[V any](a, b map[string]V) []string {
	ids := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (c *comparison) requirement() {
	r := row{object: "requirement", name: "what is required"}
	old, young := fields(c.was.Requirement), fields(c.now.Requirement)
	for _, key := range union(old, young) {
		c.differs(VerbChanged, r, strings.ReplaceAll(key, "_", " "), old[key], young[key])
	}
	if !c.wide() {
		c.lacks("rows that only one snapshot contains", fmt.Sprintf("the scope was %s and is %s", c.was.Scope, c.now.Scope), false)
	}
}

func fields(r snapshot.Requirement) map[string]string {
	members, texts := map[string]json.RawMessage{}, map[string]string{}
	if data, err := json.Marshal(r); err == nil && json.Unmarshal(data, &members) == nil {
		for key, value := range members {
			texts[key] = strings.Trim(string(value), `"`)
		}
	}
	return texts
}
