package lab

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An oracle says what must be found in a world, from the world itself: no
// request, no snapshot and no policy has part in it. It is the contract's
// chapter on controls once more, in another language, for worlds whose
// requirement names user and role.
type oracle struct {
	World

	profile profile.Profile
	defined map[string]simulator.Privilege
	lines   []string
}

// expected gives the deviations of a world.
func expected(w World, p profile.Profile) []string {
	o := &oracle{World: w, profile: p, defined: definitions(w.Environment)}
	o.privileges()
	o.roleControls()
	o.userControls()
	o.viewControls()
	slices.Sort(o.lines)
	return o.lines
}

func definitions(env *simulator.Environment) map[string]simulator.Privilege {
	defined := map[string]simulator.Privilege{}
	for _, p := range simulator.StandardPrivileges() {
		if !slices.Contains(env.UndefinedPrivileges, p.Name) {
			defined[p.Name] = p
		}
	}
	return defined
}

func (o *oracle) fail(id audit.ControlID, kind, name, fix string, evidence map[string]any) {
	o.lines = append(o.lines, finding(id, kind, name, fix, evidence))
}

func (o *oracle) outcome(outcome audit.Outcome, ids ...audit.ControlID) {
	for _, id := range ids {
		o.lines = append(o.lines, fmt.Sprintf("%s %s", id, outcome))
	}
}

// integration is the one live user of the required application id, or nil.
func (o *oracle) integration() *simulator.User {
	users := o.live()
	if len(users) != 1 {
		return nil
	}
	return users[0]
}

func (o *oracle) live() []*simulator.User {
	var users []*simulator.User
	for i := range o.ApplicationUsers {
		if u := &o.ApplicationUsers[i]; u.ApplicationID == o.Want.ApplicationID && !u.SoftDeleted {
			users = append(users, u)
		}
	}
	return users
}

func (o *oracle) role() *simulator.Role { return o.Role(o.Want.Role) }

// teamsOf are the written-down teams that a user is a member of.
func (o *oracle) teamsOf(u *simulator.User) []*simulator.Team {
	var teams []*simulator.Team
	for i := range o.Teams {
		t := &o.Teams[i]
		if !t.Default && slices.ContainsFunc(t.Members, func(m string) bool {
			return m == u.Name || m == u.UPN && m != "" || m == u.ID || m == u.ApplicationID && m != ""
		}) {
			teams = append(teams, t)
		}
	}
	return teams
}

// liveTeamsOf are those of them whose business unit, and each one above it, is enabled.
func (o *oracle) liveTeamsOf(u *simulator.User) []*simulator.Team {
	return slices.DeleteFunc(o.teamsOf(u), func(t *simulator.Team) bool { return o.closed(t.BusinessUnit) != "" })
}

// closed names the business unit for which one counts as disabled: itself or one
// above it; "" for none. A unit that is not named is the root.
func (o *oracle) closed(unit string) string {
	found := ""
	for b := o.BusinessUnit(cmp.Or(unit, o.BusinessUnits[0].Name)); b != nil; b = o.BusinessUnit(b.Parent) {
		if b.Disabled && found == "" {
			found = b.Name
		}
	}
	return found
}

// A way is how a role is assigned to a user.
type way struct {
	role *simulator.Role
	team *simulator.Team // nil: assigned
	unit string          // that of the role's copy
}

func (o *oracle) ways(u *simulator.User) []way {
	var ways []way
	if u == nil {
		return nil
	}
	add := func(assignments []simulator.RoleAssignment, home string, t *simulator.Team) {
		home = o.BusinessUnit(cmp.Or(home, o.BusinessUnits[0].Name)).Name
		for _, a := range assignments {
			at := o.BusinessUnit(cmp.Or(a.BusinessUnit, home)).Name
			if at == home || o.Organization.RecordOwnershipAcrossBusinessUnits == simulator.On {
				ways = append(ways, way{o.Role(a.Role), t, at})
			}
		}
	}
	add(u.Roles, u.BusinessUnit, nil)
	for _, t := range o.liveTeamsOf(u) {
		add(t.Roles, t.BusinessUnit, t)
	}
	return ways
}

func (o *oracle) grant(r *simulator.Role, privilege string) simulator.Depth {
	definition, ok := o.defined[privilege]
	switch {
	case r == nil || !ok:
		return simulator.DepthNone
	case templateName(r) == "System Administrator":
		return definition.Deepest()
	case o.word(r, privilege) != "":
		return simulator.DepthNone
	}
	return r.Privileges[privilege]
}

// word is how a role words a grant that does not count: that of a record filter, or an
// unknown depth; "" if there is none.
func (o *oracle) word(r *simulator.Role, privilege string) string {
	switch {
	case r == nil || r.Privileges[privilege] == simulator.DepthNone || templateName(r) == "System Administrator":
		return ""
	case slices.Contains(r.RecordFilters, privilege):
		return "RecordFilter"
	}
	return r.DepthWords[privilege]
}

// words are those of a user's roles or, if it has none, of the role itself.
func (o *oracle) words(u *simulator.User, privilege string) []string {
	ways := o.ways(u)
	if len(ways) == 0 {
		ways = []way{{role: o.role()}}
	}
	var words []string
	for _, w := range ways {
		if word := o.word(w.role, privilege); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// templateName names the administrators' role templates, by their ids.
func templateName(r *simulator.Role) string {
	switch r.Template {
	case "627090ff-40a3-4053-8790-584edc5be201":
		return "System Administrator"
	case "119f245c-3cc8-4b62-b31c-d1a046ced15d":
		return "System Customizer"
	}
	return r.Template
}

// held is the depth at which a user has a privilege itself.
func (o *oracle) held(u *simulator.User, privilege string) simulator.Depth {
	deepest := simulator.DepthNone
	for _, w := range o.ways(u) {
		depth := o.grant(w.role, privilege)
		if depth > simulator.DepthBasic && !o.covers(depth, w.unit, u) {
			depth = simulator.DepthBasic // the user's own records
		}
		if w.team != nil && w.role.TeamPrivilegesOnly && depth == simulator.DepthBasic {
			continue
		}
		deepest = max(deepest, depth)
	}
	return deepest
}

// covers reports whether a depth that is counted from a business unit takes in that
// of a user.
func (o *oracle) covers(depth simulator.Depth, from string, u *simulator.User) bool {
	home := o.BusinessUnit(cmp.Or(u.BusinessUnit, o.BusinessUnits[0].Name))
	if depth == simulator.DepthLocal {
		return home.Name == from
	}
	for b := home; b != nil; b = o.BusinessUnit(b.Parent) {
		if b.Name == from {
			return true
		}
	}
	return depth == simulator.DepthGlobal
}

func (o *oracle) required(privilege string) simulator.Depth {
	want := simulator.DepthGlobal
	if depth, ok := o.Want.Depth[privilege]; ok {
		want = simulator.Depth(depth)
	}
	best := simulator.DepthNone
	for _, d := range slices.Sorted(slices.Values(o.defined[privilege].Depths)) {
		best = d
		if d >= want {
			break
		}
	}
	return best
}

// grantFix is how the role comes to grant a privilege.
func (o *oracle) grantFix(privilege string) string {
	r := o.role()
	switch {
	case r == nil:
		return "create-role"
	case r.Template != "" || r.NotCustomizable:
		return "replace-role"
	case o.grant(r, privilege) != simulator.DepthNone:
		return "raise-depth"
	}
	return "add-privilege"
}

func state(actual simulator.Depth) string {
	if actual == simulator.DepthNone {
		return "missing"
	}
	return "shallow"
}

func (o *oracle) privileges() {
	user, role := o.integration(), o.role()
	reached := len(o.ways(user)) > 0
	for _, c := range o.profile.Controls {
		if c.Rule != "role/privileges" {
			continue
		}
		if !reached && role == nil {
			o.outcome(audit.OutcomeNotApplicable, c.ID)
			continue
		}
		kind, name := "role", o.Want.Role
		if role == nil {
			kind, name = "user", user.Name
		}
		failed, unread := false, false
		for _, p := range c.Privileges {
			if _, ok := o.defined[p]; !ok {
				o.fail(c.ID, kind, name, "install-app", map[string]any{
					"privilege": p, "required_depth": "global", "actual_depth": "none", "state": "undefined",
				})
				failed = true
				continue
			}
			required, actual := o.required(p), o.grant(role, p)
			if reached {
				actual = o.held(user, p)
			}
			if actual >= required {
				continue
			}
			short, words := state(actual), o.words(user, p)
			if slices.ContainsFunc(words, func(word string) bool { return word != "RecordFilter" }) {
				unread = true
				continue
			}
			if len(words) > 0 && actual == simulator.DepthNone {
				short = "filtered"
			}
			failed = true
			fix := o.grantFix(p)
			if o.grant(role, p) >= required {
				fix = "assign-role"
			}
			o.fail(c.ID, kind, name, fix, map[string]any{
				"privilege": p, "required_depth": required.String(), "actual_depth": depthName(actual), "state": short,
			})
		}
		if unread && !failed {
			o.outcome(audit.OutcomeUnknown, c.ID)
		}
	}
}

func depthName(d simulator.Depth) string {
	if d == simulator.DepthNone {
		return "none"
	}
	return d.String()
}

func (o *oracle) roleControls() {
	user, role := o.integration(), o.role()
	if role == nil {
		o.fail("DB-ROLE-EXISTS", "role", o.Want.Role, "create-role", map[string]any{"role": o.Want.Role, "state": "missing"})
		o.outcome(audit.OutcomeNotApplicable, "DB-ROLE-CUSTOM", "DB-ROLE-COMPLETE", "DB-ROLE-LEAST-PRIVILEGE")
		return
	}
	switch {
	case role.CustomizableUnknown && role.Template == "":
		o.outcome(audit.OutcomeUnknown, "DB-ROLE-CUSTOM")
	case role.Template != "" || role.NotCustomizable:
		o.fail("DB-ROLE-CUSTOM", "role", role.Name, "replace-role", map[string]any{
			"built_in": role.Template != "", "customizable": !role.NotCustomizable,
		})
	}
	failed, unread := false, false
	for _, p := range o.profile.Minimum() {
		own := o.grant(role, p)
		if required := o.required(p); required > own && o.held(user, p) >= required {
			short := state(own)
			switch o.word(role, p) {
			case "":
			case "RecordFilter":
				short = "filtered"
			default:
				unread = true
				continue
			}
			failed = true
			fillers := map[string]bool{}
			for _, w := range o.ways(user) {
				if w.role != role && o.grant(w.role, p) >= required {
					fillers[w.role.Name] = true
				}
			}
			o.fail("DB-ROLE-COMPLETE", "role", role.Name, o.grantFix(p), map[string]any{
				"privilege": p, "required_depth": required.String(), "actual_depth": depthName(own), "state": short,
				"filled_by": slices.Sorted(maps.Keys(fillers)),
			})
		}
	}
	if unread && !failed {
		o.outcome(audit.OutcomeUnknown, "DB-ROLE-COMPLETE")
	}
	var dangerous, harmless []string
	for p := range role.Privileges {
		_, defined := o.defined[p]
		switch {
		case !defined, slices.Contains(o.profile.Minimum(), p), slices.Contains(o.Want.Allow, p), slices.Contains(platformDefaults(), p):
		case strings.HasPrefix(p, "prvDelete"), strings.HasPrefix(p, "prvAssign"), strings.HasPrefix(p, "prvShare"), p == "prvActOnBehalfOfAnotherUser":
			dangerous = append(dangerous, p)
		default:
			harmless = append(harmless, p)
		}
	}
	slices.Sort(dangerous)
	slices.Sort(harmless)
	if surplus := append(dangerous, harmless...); len(surplus) > 0 {
		fix := "remove-privilege"
		if role.Template != "" || role.NotCustomizable {
			fix = "replace-role"
		}
		o.fail("DB-ROLE-LEAST-PRIVILEGE", "role", role.Name, fix, map[string]any{
			"surplus": surplus, "count": len(surplus), "dangerous": len(dangerous),
		})
	}
}

// platformDefaults are the nine privileges that Dataverse gives to each new
// role.
func platformDefaults() []string {
	return []string{
		"prvReadSdkMessage", "prvReadSdkMessageProcessingStep", "prvReadSdkMessageProcessingStepImage",
		"prvReadPluginAssembly", "prvReadPluginType", "prvReadSharePointData", "prvWriteSharePointData",
		"prvCreateSharePointData", "prvReadSharePointDocument",
	}
}

func (o *oracle) userControls() {
	user, role := o.integration(), o.role()
	if user == nil {
		id := o.Want.ApplicationID
		if live := o.live(); len(live) > 1 {
			o.fail("DB-USER-EXISTS", "user", id, "remove-duplicate-user", map[string]any{
				"found": len(live), "users": fmt.Sprint(len(live)),
			})
		} else {
			ghosts := []string{}
			for _, u := range o.ApplicationUsers {
				if u.ApplicationID == id {
					ghosts = append(ghosts, u.Name)
				}
			}
			fix := "create-application-user"
			if len(ghosts) > 0 {
				fix = "remove-duplicate-user"
			}
			o.fail("DB-USER-EXISTS", "user", id, fix, map[string]any{"found": 0, "soft_deleted": ghosts})
		}
		o.outcome(audit.OutcomeNotApplicable, "DB-USER-ENABLED", "DB-USER-DEDICATED", "DB-USER-ROLE", "DB-USER-BUSINESS-UNIT", "DB-USER-NO-ADMINISTRATOR")
		return
	}
	o.enabled(user)
	byRole := map[*simulator.Role][]way{}
	reaching := map[string]bool{}
	for _, w := range o.ways(user) {
		byRole[w.role] = append(byRole[w.role], w)
		reaching[w.role.Name] = true
	}
	switch {
	case role == nil:
		o.outcome(audit.OutcomeNotApplicable, "DB-USER-ROLE")
	case byRole[role] == nil:
		names := slices.Sorted(maps.Keys(reaching))
		if names == nil {
			names = []string{}
		}
		o.fail("DB-USER-ROLE", "user", user.Name, "assign-role", map[string]any{"role": role.Name, "reaching": names})
	}
	switch unit := o.BusinessUnit(user.BusinessUnit); {
	case o.Want.BusinessUnit == "":
		o.outcome(audit.OutcomeNotApplicable, "DB-USER-BUSINESS-UNIT")
	case unit.Name != o.Want.BusinessUnit:
		o.fail("DB-USER-BUSINESS-UNIT", "user", user.Name, "move-user", map[string]any{"required": o.Want.BusinessUnit, "actual": unit.Name})
	}
	for r, ways := range byRole {
		template := templateName(r)
		if template != "System Administrator" && template != "System Customizer" {
			continue
		}
		words, fix := []string{}, "remove-from-team"
		for _, w := range ways {
			if w.team == nil {
				words, fix = append(words, "assigned to the user"), "unassign-role"
			} else {
				words = append(words, fmt.Sprintf("through the team %q", w.team.Name))
			}
		}
		slices.Sort(words)
		o.fail("DB-USER-NO-ADMINISTRATOR", "role", r.Name, fix, map[string]any{"template": template, "ways": words})
	}
}

// enabled is that nothing keeps a user from working.
func (o *oracle) enabled(user *simulator.User) {
	evidence, fixes := map[string]any{"disabled": user.Disabled}, []string{}
	switch user.EntraState {
	case "", simulator.EntraExists:
	case simulator.EntraSoftDeleted, simulator.EntraDeleted:
		evidence["entra_state"], fixes = string(user.EntraState), append(fixes, "restore-identity")
	}
	if closed := o.closed(user.BusinessUnit); closed != "" {
		evidence["disabled_business_unit"], fixes = closed, append(fixes, "enable-business-unit")
	}
	undocumented := false
	switch user.AccessMode {
	case "", simulator.AccessReadWrite, simulator.AccessNonInteractive:
	case simulator.AccessAdministrative, simulator.AccessRead, simulator.AccessSupport, simulator.AccessDelegatedAdmin:
		evidence["access_mode"], fixes = string(user.AccessMode), append(fixes, "set-access-mode")
	default:
		undocumented = true
	}
	if user.Disabled {
		fixes = append(fixes, "enable-user")
	}
	switch {
	case len(fixes) > 0:
		o.fail("DB-USER-ENABLED", "user", user.Name, fixes[0], evidence)
	case undocumented:
		o.outcome(audit.OutcomeUnknown, "DB-USER-ENABLED")
	}
}

// looks reports whether the auditor can read personal views as u sees them.
func (o *oracle) looks(u *simulator.User) bool {
	auditor := o.ApplicationUser(o.Suggest.Auditor)
	return u != nil && !slices.Contains(o.Contradictions, simulator.ActIgnored) && !u.Disabled && o.closed(u.BusinessUnit) == "" && o.held(u, "prvReadUserQuery") > 0 &&
		o.held(auditor, "prvReadUserQuery") > 0 && o.held(auditor, "prvActOnBehalfOfAnotherUser") > 0
}

// sees reports whether u's own list has a view: as its owner or by a share.
func (o *oracle) sees(u *simulator.User, v *simulator.PersonalView) bool {
	return o.owns(u, v) || o.rights(u, v)&simulator.RightRead != 0
}

func (o *oracle) owns(u *simulator.User, v *simulator.PersonalView) bool {
	return o.is(v.Owner, u) || slices.ContainsFunc(o.liveTeamsOf(u), func(t *simulator.Team) bool { return t.Name == v.Owner })
}

func (o *oracle) is(reference string, u *simulator.User) bool {
	return reference == u.ID || reference == u.Name || reference == u.UPN && u.UPN != "" || reference == u.ApplicationID && u.ApplicationID != ""
}

func (o *oracle) rights(u *simulator.User, v *simulator.PersonalView) simulator.Rights {
	var rights simulator.Rights
	for _, s := range v.Shares {
		if o.is(s.Principal, u) || slices.ContainsFunc(o.liveTeamsOf(u), func(t *simulator.Team) bool { return t.Name == s.Principal }) {
			rights |= s.Access | s.Inherited
		}
	}
	return rights
}

func (o *oracle) viewControls() {
	user := o.integration()
	if user == nil {
		o.outcome(audit.OutcomeNotApplicable, "DB-VIEW-SHARED", "DB-VIEW-TABLE", "DB-VIEW-ACTIVE", "DB-VIEW-LEAST-ACCESS")
		return
	}
	auditor := o.ApplicationUser(o.Suggest.Auditor)
	ownList, ownersLists := o.looks(user), o.held(auditor, "prvReadUserQuery") > 0
	var readers []*simulator.User // of whose lists something is known
	if ownList {
		readers = append(readers, user)
	}
	for _, v := range o.Want.Views {
		if v.Owner == "" {
			continue
		}
		if owner := o.User(v.Owner); o.looks(owner) {
			readers = append(readers, owner)
		} else {
			ownersLists = false
		}
	}
	systemRead := o.held(auditor, "prvReadQuery") > 0
	known := map[string]bool{} // views that somebody saw, by id

	var found, satisfied, unknownShared, unknownActive, systemOnly, systemInactive int
	inactive := map[string]*simulator.PersonalView{}
	for _, want := range o.Want.Views {
		var seen, usable []*simulator.PersonalView
		for i := range o.PersonalViews {
			v := &o.PersonalViews[i]
			if v.Table != want.Table || v.Name != want.Name ||
				!slices.ContainsFunc(readers, func(u *simulator.User) bool { return o.sees(u, v) }) {
				continue
			}
			seen = append(seen, v)
			known[v.ID] = true
			if o.sees(user, v) {
				usable = append(usable, v)
			}
		}
		system := o.SystemView(want.Table, want.Name)
		if !systemRead {
			system = nil
		}
		personal := want.Owner != "" && (len(seen) > 0 || !ownersLists)
		met := len(usable) > 0
		if system != nil && !met && !personal {
			met, systemOnly = true, systemOnly+1
			switch {
			case !ownList: // there may be a personal view of the name
				unknownActive++
			case system.Inactive:
				systemInactive++
				o.fail("DB-VIEW-ACTIVE", "view", system.Name, "activate-view", map[string]any{"active": false, "table": system.Table})
			}
		} else {
			judged := usable
			if len(usable) == 0 {
				judged = seen
			}
			for _, v := range judged {
				if v.Inactive {
					inactive[v.ID] = v
				}
			}
		}
		if len(seen) > 0 {
			found++
		}
		undecided := !met && (len(seen) == 0 && !ownList || !systemRead && !personal || system != nil && !ownersLists && len(seen) == 0)
		switch {
		case met:
			satisfied++
		case undecided:
			unknownShared++
			if len(seen) == 0 {
				unknownActive++
			}
		case len(seen) > 0:
			o.fail("DB-VIEW-SHARED", "required-view", want.Name, "share-view", map[string]any{
				"state": "not-shared", "table": want.Table, "view": want.Name, "views": fmt.Sprint(len(seen)),
			})
		default:
			o.fail("DB-VIEW-SHARED", "required-view", want.Name, "find-view", map[string]any{
				"state": "not-visible", "table": want.Table, "view": want.Name,
			})
		}
		if !slices.Contains(o.profile.ViewTables, want.Table) {
			o.fail("DB-VIEW-TABLE", "required-view", want.Name, "correct-configuration", map[string]any{
				"table": want.Table, "allowed": o.profile.ViewTables,
			})
		}
	}
	if (unknownShared > 0 || !systemRead) && unknownShared+satisfied == len(o.Want.Views) {
		o.outcome(audit.OutcomeUnknown, "DB-VIEW-SHARED")
	}
	for _, v := range inactive {
		o.fail("DB-VIEW-ACTIVE", "view", v.Name, "activate-view", map[string]any{"active": false, "table": v.Table})
	}
	switch {
	case len(inactive)+systemInactive > 0: // a failure takes precedence over unknown
	case found+systemOnly+unknownActive == 0:
		o.outcome(audit.OutcomeNotApplicable, "DB-VIEW-ACTIVE")
	case unknownActive > 0:
		o.outcome(audit.OutcomeUnknown, "DB-VIEW-ACTIVE")
	}
	o.leastAccess(user, func(v *simulator.PersonalView) bool { return known[v.ID] || ownList && o.sees(user, v) })
}

// asked reports whether a view is asked whom it is shared with, where the share table
// shows the auditor its own shares alone.
func (o *oracle) asked(user *simulator.User, v *simulator.PersonalView) bool {
	switch {
	case o.owns(user, v):
		return false
	case o.looks(user):
		return o.sees(user, v)
	}
	return slices.ContainsFunc(o.Want.Views, func(want snapshot.RequiredView) bool {
		return v.Table == want.Table && v.Name == want.Name && slices.ContainsFunc(o.Want.Views, func(by snapshot.RequiredView) bool {
			owner := o.User(by.Owner)
			return by.Owner != "" && o.looks(owner) && o.sees(owner, v)
		})
	})
}

func (o *oracle) leastAccess(user *simulator.User, known func(*simulator.PersonalView) bool) {
	part := slices.Contains(o.Contradictions, simulator.SharesInPart)
	noticed, found := false, false
	for i := range o.PersonalViews {
		v := &o.PersonalViews[i]
		if part && !o.asked(user, v) {
			continue
		}
		noticed = noticed || part && o.rights(user, v) != 0
		surplus := map[string]bool{}
		holders := map[string]string{} // names by id
		note := func(id, name string, access simulator.Rights) {
			for _, right := range (access &^ simulator.RightRead).Names() {
				surplus[snapshotRight(right)] = true
				holders[id] = name
			}
		}
		for _, s := range v.Shares {
			if o.is(s.Principal, user) {
				note(user.ID, user.Name, s.Access|s.Inherited)
			}
			for _, t := range o.liveTeamsOf(user) {
				if t.Name == s.Principal {
					note(t.ID, t.Name, s.Access|s.Inherited)
				}
			}
		}
		if len(surplus) == 0 {
			continue
		}
		name := v.Name
		if !known(v) {
			name = v.ID
		}
		principals := []string{}
		for _, id := range slices.Sorted(maps.Keys(holders)) {
			principals = append(principals, holders[id])
		}
		found = true
		o.fail("DB-VIEW-LEAST-ACCESS", "view", name, "reduce-share", map[string]any{
			"surplus": slices.Sorted(maps.Keys(surplus)), "principals": principals,
		})
	}
	if noticed && !found {
		o.outcome(audit.OutcomeUnknown, "DB-VIEW-LEAST-ACCESS") // there may be shares without Read
	}
}

// snapshotRight is a right of the simulator's spelling in the snapshot's.
func snapshotRight(name string) string {
	for _, r := range snapshot.Rights() {
		if strings.EqualFold(strings.ReplaceAll(r.String(), "-", ""), strings.NewReplacer("-", "", "_", "").Replace(name)) {
			return r.String()
		}
	}
	return name
}
