package simulator

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"
)

// A stamp says when and by whom a row was created, when it last changed, and its version.
type stamp struct {
	created, modified string // times as the Web API writes them
	createdBy         string // the id of a user
	version           int64
}

// baseVersion is the version of rows that have not changed since the start.
const baseVersion = 1_000_000

func (db *database) stampOf(id string) stamp {
	const at = "2024-03-14T06:08:49Z"
	return cmp.Or(db.stamps[id], stamp{at, at, deriveID("", "systemuser", "SYSTEM"), baseVersion})
}

// updateStamps keeps the stamps of unchanged rows, and gives new stamps to the others. by is the id of the
// user who makes the change. It is empty for [Server.Mutate], where Dataverse's own user creates rows.
// Granting a privilege does not change the role's row, because a grant is a row of the intersect table.
func (db *database) updateStamps(before *database, now time.Time, by string) {
	db.stamps = maps.Clone(before.stamps)
	next := int64(baseVersion)
	for _, s := range db.stamps {
		next = max(next, s.version)
	}
	at := now.UTC().Format("2006-01-02T15:04:05Z")
	old := rowContents(before.env)
	for id, content := range rowContents(db.env) {
		oldContent, existed := old[id]
		if existed && reflect.DeepEqual(oldContent, content) {
			continue
		}
		s := db.stampOf(id)
		if !existed && by != "" {
			s.created, s.createdBy = at, by
		}
		s.modified, s.version = at, next+1
		db.stamps[id] = s
	}
}

// rowContents returns what the writable columns of each row depend on, by the row's id.
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
