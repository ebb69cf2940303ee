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

// Snapshots compares two snapshots of one environment; of two it is an error,
// because their rows have no ids in common.
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
	c.users()
	c.teams()
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
	old, young := c.was.Coverage[section], c.now.Coverage[section]
	if old.State == snapshot.StateCollected && young.State == snapshot.StateCollected {
		return true
	}
	i := Incomparable{What: strings.ReplaceAll(string(section), "_", " ")}
	switch {
	case old.State != snapshot.StateCollected && young.State != snapshot.StateCollected:
		i.Why, i.Known = "neither snapshot holds them: "+cmp.Or(young.Detail, young.State.String()), true
	case old.State != snapshot.StateCollected:
		i.Why = "the older snapshot does not hold them: " + cmp.Or(old.Detail, old.State.String())
	default:
		i.Why = "the newer snapshot does not hold them: " + cmp.Or(young.Detail, young.State.String())
	}
	c.incomparable = append(c.incomparable, i)
	return false
}

// wide reports whether a row that only one side has was added or removed. Where
// one snapshot is of the whole environment and the other is not, it may not have
// been looked for.
func (c *comparison) wide() bool { return c.was.Scope == c.now.Scope }

// A row is what all kinds of rows have in common.
type row struct{ object, id, name string }

func (c *comparison) change(verb Verb, r row, what, from, to string) {
	c.changes = append(c.changes, Change{Verb: verb, Object: r.object, ID: r.id, Name: r.name, What: what, From: from, To: to})
}

// differs notes a value that changed.
func (c *comparison) differs(verb Verb, r row, what, from, to string) {
	if from != to {
		c.change(verb, r, what, from, to)
	}
}

// switched notes a switch that was turned on or off.
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

// rows compares two maps by id: rows of one side are added or removed, those of
// both are handed on.
func rows[V any](c *comparison, object string, was, now map[string]V, name func(V) string, both func(r row, was, now V)) {
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
		c.incomparable = append(c.incomparable, Incomparable{
			What: "rows that one snapshot alone holds",
			Why:  fmt.Sprintf("the scope was %s and is %s", c.was.Scope, c.now.Scope),
		})
	}
}

// fields are a requirement's members as text.
func fields(r snapshot.Requirement) map[string]string {
	data, err := json.Marshal(r)
	members := map[string]json.RawMessage{}
	if err == nil {
		err = json.Unmarshal(data, &members)
	}
	out := map[string]string{}
	if err != nil { // a requirement is nothing but strings
		return out
	}
	for key, value := range members {
		out[key] = strings.Trim(string(value), `"`)
	}
	return out
}

func (c *comparison) organization() {
	if c.compares(snapshot.SectionOrganization) {
		r := row{"organization", c.now.Organization.ID, c.now.Organization.Name}
		c.differs(VerbChanged, r, "record ownership across business units",
			c.was.Organization.OwnershipAcrossBusinessUnits.String(), c.now.Organization.OwnershipAcrossBusinessUnits.String())
	}
}

func (c *comparison) businessUnits() {
	if !c.compares(snapshot.SectionBusinessUnits) {
		return
	}
	rows(c, "business unit", c.was.BusinessUnits, c.now.BusinessUnits, func(u snapshot.BusinessUnit) string { return u.Name },
		func(r row, was, now snapshot.BusinessUnit) {
			c.switched(r, VerbDisabled, VerbEnabled, was.Disabled, now.Disabled)
			c.differs(VerbMoved, r, "parent", c.unit(was.ParentID), c.unit(now.ParentID))
		})
}

func (c *comparison) unit(id string) string {
	return cmp.Or(c.now.BusinessUnits[id].Name, c.was.BusinessUnits[id].Name, id)
}

func (c *comparison) privileges() {
	if !c.compares(snapshot.SectionPrivileges) {
		return
	}
	for _, name := range union(c.was.Privileges, c.now.Privileges) {
		old, inOld := c.was.Privileges[name]
		young, inNew := c.now.Privileges[name]
		r := row{"privilege", young.ID, name}
		switch {
		case inOld && inNew:
			c.differs(VerbChanged, r, "access levels", joined(old.Depths), joined(young.Depths))
		case inNew:
			c.change(VerbAdded, r, "", "", "")
		default:
			c.change(VerbRemoved, row{"privilege", old.ID, name}, "", "", "")
		}
	}
}

func joined[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (c *comparison) roles() {
	if !c.compares(snapshot.SectionRoles) {
		return
	}
	rows(c, "role", c.was.Roles, c.now.Roles, func(r snapshot.Role) string { return r.Name },
		func(r row, was, now snapshot.Role) {
			c.differs(VerbMoved, r, "business unit", c.unit(was.BusinessUnitID), c.unit(now.BusinessUnitID))
			c.differs(VerbChanged, r, "customizable", yesNo(was.Customizable), yesNo(now.Customizable))
			c.differs(VerbChanged, r, "managed", yesNo(was.Managed), yesNo(now.Managed))
			c.differs(VerbChanged, r, "inherited by team members", yesNo(was.Inherited), yesNo(now.Inherited))
		})
}

func (c *comparison) role(id string) string {
	role, ok := c.now.Roles[id]
	if !ok {
		role = c.was.Roles[id]
	}
	name := cmp.Or(role.Name, id)
	if unit := c.unit(role.BusinessUnitID); unit != "" {
		name += " (" + unit + ")"
	}
	return name
}

func (c *comparison) grants() {
	if !c.compares(snapshot.SectionRolePrivileges) {
		return
	}
	for _, id := range union(c.was.RolePrivileges, c.now.RolePrivileges) {
		old, inOld := c.was.RolePrivileges[id]
		young, inNew := c.now.RolePrivileges[id]
		r := row{"role", id, cmp.Or(c.now.Roles[id].Name, c.was.Roles[id].Name, id)}
		if !inOld || !inNew {
			c.grantsOfOneSide(r, inOld)
			continue
		}
		for _, name := range union(old, young) {
			was, now := old[name], young[name]
			switch {
			case was == snapshot.DepthNone && now != snapshot.DepthNone:
				c.change(VerbGranted, r, name, was.String(), now.String())
			case was != snapshot.DepthNone && now == snapshot.DepthNone:
				c.change(VerbRevoked, r, name, was.String(), now.String())
			case now > was:
				c.change(VerbDeeper, r, name, was.String(), now.String())
			case now < was:
				c.change(VerbShallower, r, name, was.String(), now.String())
			}
		}
	}
}

// grantsOfOneSide notes a role that both sides have, but whose grants are known on only one
// side, because only there the integration user has it. Of a role that was added or removed
// that is said already.
func (c *comparison) grantsOfOneSide(r row, inOld bool) {
	_, before := c.was.Roles[r.id]
	_, after := c.now.Roles[r.id]
	if !before || !after {
		return
	}
	side := "older"
	if inOld {
		side = "newer"
	}
	c.incomparable = append(c.incomparable, Incomparable{
		What: fmt.Sprintf("what the role %q grants", r.name), Why: "the " + side + " snapshot does not hold it",
	})
}

func (c *comparison) users() {
	if !c.compares(snapshot.SectionUsers) {
		return
	}
	roles := c.compares(snapshot.SectionTeams)
	rows(c, "user", c.was.Users, c.now.Users, func(u snapshot.User) string { return u.Name },
		func(r row, was, now snapshot.User) {
			c.switched(r, VerbDisabled, VerbEnabled, was.Disabled, now.Disabled)
			c.switched(r, VerbDeleted, VerbRestored, was.Deleted, now.Deleted)
			c.differs(VerbMoved, r, "business unit", c.unit(was.BusinessUnitID), c.unit(now.BusinessUnitID))
			c.differs(VerbChanged, r, "application id", was.ApplicationID, now.ApplicationID)
			c.differs(VerbChanged, r, "user name", was.DomainName, now.DomainName)
			c.differs(VerbChanged, r, "object id", was.ObjectID, now.ObjectID)
			c.differs(VerbChanged, r, "licensed", yesNo(was.Licensed), yesNo(now.Licensed))
			c.members(r, VerbAssigned, VerbUnassigned, was.Roles, now.Roles, c.role)
			if roles {
				c.members(r, VerbJoined, VerbLeft, was.Teams, now.Teams, c.team)
			}
		})
}

func (c *comparison) team(id string) string {
	return cmp.Or(c.now.Teams[id].Name, c.was.Teams[id].Name, id)
}

func (c *comparison) teams() {
	if c.was.Coverage[snapshot.SectionTeams].State != snapshot.StateCollected || c.now.Coverage[snapshot.SectionTeams].State != snapshot.StateCollected {
		return // said by users
	}
	rows(c, "team", c.was.Teams, c.now.Teams, func(t snapshot.Team) string { return t.Name },
		func(r row, was, now snapshot.Team) {
			c.differs(VerbMoved, r, "business unit", c.unit(was.BusinessUnitID), c.unit(now.BusinessUnitID))
			c.differs(VerbChanged, r, "type", fmt.Sprint(was.Type), fmt.Sprint(now.Type))
			c.members(r, VerbAssigned, VerbUnassigned, was.Roles, now.Roles, c.role)
		})
}

func (c *comparison) views() {
	// Either section shows views, and what one side alone read would look new.
	mine, others := c.compares(snapshot.SectionUserViews), c.compares(snapshot.SectionViews)
	if !mine && !others {
		return
	}
	was, now := c.was.Views, c.now.Views
	if !mine || !others {
		was, now = shared(was, now), shared(now, was)
	}
	rows(c, "view", was, now, func(v snapshot.View) string { return v.Name },
		func(r row, was, now snapshot.View) {
			c.switched(r, VerbEnabled, VerbDisabled, was.Active, now.Active)
			c.differs(VerbAssigned, r, "owner", c.principal(was.OwnerID), c.principal(now.OwnerID))
			c.differs(VerbChanged, r, "table", was.Table, now.Table)
			if mine && others {
				c.members(r, VerbSeen, VerbUnseen, names(was.SeenBy), names(now.SeenBy), func(s string) string { return s })
			}
		})
}

// shared are the rows of a that b has, too.
func shared[V any](a, b map[string]V) map[string]V {
	both := map[string]V{}
	for id, v := range a {
		if _, ok := b[id]; ok {
			both[id] = v
		}
	}
	return both
}

func names[T fmt.Stringer](list []T) []string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return texts
}

func (c *comparison) systemViews() {
	if !c.compares(snapshot.SectionSystemViews) {
		return
	}
	rows(c, "system view", c.was.SystemViews, c.now.SystemViews, func(v snapshot.SystemView) string { return v.Name },
		func(r row, was, now snapshot.SystemView) {
			c.switched(r, VerbEnabled, VerbDisabled, was.Active, now.Active)
			c.differs(VerbChanged, r, "table", was.Table, now.Table)
		})
}

func (c *comparison) principal(id string) string {
	return cmp.Or(c.now.Users[id].Name, c.was.Users[id].Name, c.now.Teams[id].Name, c.was.Teams[id].Name, id)
}

func (c *comparison) shares() {
	if !c.compares(snapshot.SectionShares) {
		return
	}
	for _, principal := range union(c.was.Shares, c.now.Shares) {
		old, inOld := c.was.Shares[principal]
		young, inNew := c.now.Shares[principal]
		if (!inOld || !inNew) && !c.wide() {
			continue
		}
		for _, id := range union(old, young) {
			was, now := old[id].Rights, young[id].Rights
			r := row{"view", id, cmp.Or(c.now.Views[id].Name, c.was.Views[id].Name, id)}
			with := "with " + c.principal(principal)
			from, to := joined(was), joined(now)
			switch {
			case len(was) == 0 && len(now) > 0:
				c.change(VerbShared, r, with, from, to)
			case len(was) > 0 && len(now) == 0:
				c.change(VerbUnshared, r, with, from, to)
			case from == to:
			case slices.ContainsFunc(now, func(right snapshot.Right) bool { return !slices.Contains(was, right) }):
				c.change(VerbWidened, r, with, from, to)
			default:
				c.change(VerbNarrowed, r, with, from, to)
			}
		}
	}
}
