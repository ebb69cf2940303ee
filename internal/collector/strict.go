package collector

import (
	"context"
	"errors"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// An Asker asks an environment as a collection does: with the same strictness about
// columns, counts and rows that come twice.
type Asker struct{ c *collection }

// NewAsker makes an asker that reads through r; strong bypasses the caches of permissions,
// for those who change what they read.
func NewAsker(r Reader, strong bool) *Asker {
	return &Asker{&collection{Options: Options{Strong: strong}, reader: r, direct: r, company: &company{without: columnSet{}}}}
}

// A Question is one question to an environment.
type Question struct {
	// What says in a few words what is read.
	What string
	As   dataverse.Caller
	// From is the address: the rows of a table, or a function. The columns are those that
	// are read of a row.
	From dataverse.Query
	// Key is the column that tells rows apart; empty for an answer that is one object.
	Key string
}

func (q Question) ask() ask { return ask{what: q.What, as: q.As, from: q.From, key: q.Key} }

// AskRows reads all rows of a collection.
func AskRows[T any](ctx context.Context, s *Asker, q Question, take func(Row) T) ([]T, error) {
	got, err := table[T]{q.From, q.Key, take}.rows(ctx, s.c, q.ask())
	return got, bare(err)
}

// AskObject reads an answer that is one object.
func AskObject[T any](ctx context.Context, s *Asker, q Question, take func(Row) T) (T, error) {
	got, err := object(ctx, s.c, q.ask(), take)
	return got, bare(err)
}

// bare is a client's error without what it says itself.
func bare(err error) error {
	var e *dataverse.Error
	if errors.As(err, &e) {
		return e
	}
	return err
}
