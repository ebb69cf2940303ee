// Package store stands for the fleet's store in a program without a fleet.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

var errNone = errors.New("there is no store in this build")

type Options struct {
	Now               func() time.Time
	Migrate, Existing bool
}

type Store struct{}

func HasPassword(string) bool { return false }

func Open(context.Context, string, Options) (*Store, error) { return nil, errNone }

func (*Store) Close() error { return errNone }

func (*Store) Results(context.Context, string, func(audit.Result) error) error { return errNone }

func (*Store) Record(context.Context, []audit.Result, string) error { return errNone }

func (*Store) Version(context.Context) (int, int, error) { return 0, 0, errNone }

func (*Store) Backup(context.Context, string) error { return errNone }

func (*Store) Prune(context.Context, time.Time) (int64, error) { return 0, errNone }
