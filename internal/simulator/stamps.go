package simulator

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"
)

// A stamp says when a row was made and by whom, when it changed last, and which change that was.
type stamp struct {
	made, modified string // as the Web API writes times
	by             string
	version        int64
}

// baseVersion is that of rows that have not changed since the start.
const baseVersion = 1_000_000

func (w *world) stampOf(id string) stamp {
	const at = "2024-03-14T06:08:49Z"
	return cmp.Or(w.stamps[id], stamp{at, at, deriveID("", "systemuser", "SYSTEM"), baseVersion})
}

// stamp keeps the stamps of unchanged rows, and gives new ones to the others. by is the user who makes
// the change; it is empty for [Server.Mutate], where the platform's own user creates rows. A grant of a
// privilege does not change the role's row: it is a row of the intersect table.
func (w *world) stamp(before *world, now time.Time, by string) {
	w.stamps = maps.Clone(before.stamps)
	next := int64(baseVersion)
	for _, s := range w.stamps {
		next = max(next, s.version)
	}
	at := now.UTC().Format("2006-01-02T15:04:05Z")
	old := rowContents(before.env)
	for id, content := range rowContents(w.env) {
		was, known := old[id]
		if known && reflect.DeepEqual(was, content) {
			continue
		}
		s := w.stampOf(id)
		if !known && by != "" {
			s.made, s.by = at, by
		}
		s.modified, s.version = at, next+1
		w.stamps[id] = s
	}
}

// rowContents is the source of the writable columns of each row, by id.
func rowContents(env *Environment) map[string]any {
	rows := map[string]any{}
	for _, r := range env.Roles {
		r.Privileges = nil
		rows[r.ID] = r
	}
	for _, u := range slices.Concat(env.Users, env.ApplicationUsers) {
		u.Roles = nil
		rows[u.ID] = u
	}
	for _, v := range env.PersonalViews {
		v.Shares = nil
		rows[v.ID] = v
	}
	return rows
}
