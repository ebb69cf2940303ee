package simulator

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"
)

// A stamp says when a row changed last, and which change that was.
type stamp struct {
	version  int64
	modified time.Time
}

// stamp carries over the stamps of rows that are as they were, and gives new ones to the others.
// Granting a privilege does not change the role's own row: it is one of the intersect table.
func (w *world) stamp(before *world, now time.Time) {
	if before == nil {
		w.stamps = map[string]stamp{}
		return
	}
	w.stamps = maps.Clone(before.stamps)
	next := int64(baseVersion)
	for _, s := range w.stamps {
		next = max(next, s.version)
	}
	next++
	old, current := rowContents(before.env), rowContents(w.env)
	for id, content := range current {
		if was, ok := old[id]; !ok || !reflect.DeepEqual(was, content) {
			w.stamps[id] = stamp{next, now}
		}
	}
}

// baseVersion and the base time are those of rows that have not changed since the start.
const baseVersion = 1_000_000

func baseTime() time.Time { return time.Date(2024, time.March, 14, 6, 8, 49, 0, time.UTC) }

func (w *world) stampOf(id string) stamp {
	if s, ok := w.stamps[id]; ok {
		return s
	}
	return stamp{baseVersion, baseTime()}
}

// rowContents gives what the own columns of each row are made of that can be written, by id.
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

// A Creation says which user made a row, and when. It is not part of the environment's
// file: the zero value stands for what was there from the start or came with
// [Server.Mutate], which the platform's own user made.
type Creation struct {
	By string
	At time.Time
}

// keepCreations has rows that are still there keep what is known of their creation,
// where a new environment says nothing about it.
func keepCreations(before, env *Environment) {
	known := map[string]Creation{}
	each := func(e *Environment, visit func(id string, c *Creation)) {
		for i := range e.Roles {
			visit(e.Roles[i].ID, &e.Roles[i].Created)
		}
		for i := range e.ApplicationUsers {
			visit(e.ApplicationUsers[i].ID, &e.ApplicationUsers[i].Created)
		}
	}
	each(before, func(id string, c *Creation) { known[id] = *c })
	each(env, func(id string, c *Creation) {
		if *c == (Creation{}) {
			*c = known[id]
		}
	})
}

func (c Creation) by() string { return cmp.Or(c.By, deriveID("", "systemuser", "SYSTEM")) }

func (c Creation) at() time.Time {
	if c.At.IsZero() {
		return baseTime()
	}
	return c.At
}
