package collector

import (
	"context"
	"errors"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// An Asker asks an environment as a collection does: with the same strictness about
// columns, counts and rows that come twice, past the caches of permissions. It is for
// those who change what they read.
type Asker struct{ c *collection }

// NewAsker makes an asker that reads through r.
func NewAsker(r Reader) *Asker {
	return &Asker{&collection{Options: Options{Strong: true}, reader: r, direct: r, company: &company{without: columnSet{}}}}
}

// A Question is one question to an environment.
type Question struct {
	// What says in a few words what is read.
	What string
	As   dataverse.Caller
	// Key is the column that tells rows apart; empty for an answer that is one object.
	Key string
	// Query makes the question. known leaves out the columns that the environment
	// does not have, of those that older ones may lack.
	Query func(known func(columns ...string) []string) dataverse.Query
}

func (q Question) ask() ask {
	return ask{what: q.What, as: q.As, key: q.Key, query: func(without columnSet) dataverse.Query { return q.Query(without.of) }}
}

// AskRows reads all rows of a collection.
func AskRows[T any](ctx context.Context, s *Asker, q Question, take func(Row) T) ([]T, error) {
	got, err := rows(ctx, s.c, q.ask(), func(r *row) T { return take(Row{r}) })
	return got, bare(err)
}

// AskObject reads an answer that is one object.
func AskObject[T any](ctx context.Context, s *Asker, q Question, take func(Row) T) (T, error) {
	got, err := object(ctx, s.c, q.ask(), func(r *row) T { return take(Row{r}) })
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

// A Row takes columns out of one object of an answer. A requested column that is missing,
// or has another type, never counts as empty: the response is refused.
type Row struct{ r *row }

// Text is a string; null is "".
func (r Row) Text(column string) string { return r.r.text(column) }

// Flag is a boolean that must not be null.
func (r Row) Flag(column string) bool { return r.r.flag(column) }

// Number is a whole number that must not be null.
func (r Row) Number(column string) int { return r.r.number(column) }

// OptionalNumber is a whole number; null is 0.
func (r Row) OptionalNumber(column string) int { return r.r.optionalNumber(column) }

// ID is a GUID that must be there, in lower case.
func (r Row) ID(column string) string { return r.r.id(column) }

// OptionalID is a GUID in lower case; null and the id of zeros are "".
func (r Row) OptionalID(column string) string { return r.r.optionalID(column) }

// Tag is the row's ETag, "" where it has none.
func (r Row) Tag() string {
	return r.MaybeText("@odata.etag")
}

// Refuse says that a column holds what cannot be.
func (r Row) Refuse(column, problem string) { r.r.fail(column, problem) }

// List are the objects of a list inside an answer. Where they have a key, none may
// come twice.
func List[T any](r Row, column, key string, take func(Row) T) []T {
	return list(r.r, column, key, func(inner *row) T { return take(Row{inner}) })
}

// Within is an object inside a row.
func (r Row) Within(column string) Row {
	data, ok := r.r.value(column)
	if !ok {
		r.r.fail(column, "is not an object")
	}
	return Row{newRow(data, r.r.without)}
}

// Maybe is a GUID of a column that answers of older environments leave out.
func (r Row) Maybe(column string) string {
	if !r.r.has(column) {
		return ""
	}
	return r.r.optionalID(column)
}

// MaybeText is a text of a column that answers of older environments leave out.
func (r Row) MaybeText(column string) string {
	if !r.r.has(column) {
		return ""
	}
	return r.r.text(column)
}
