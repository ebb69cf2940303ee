package cli

import (
	"context"
	"io/fs"

	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/policy"
)

// policies loads dbaudit's own policies and those of further folders.
func (a *app) policies(ctx context.Context, folders []string) (*engine.Engine, error) {
	sources := []fs.FS{policy.Files}
	return engine.Load(ctx, sources...)
}
