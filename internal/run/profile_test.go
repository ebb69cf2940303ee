package run

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/engine"
)

// TestCompileWithin proves that compiling ends at its limit or with the context, whatever the
// compiler does.
func TestCompileWithin(t *testing.T) {
	t.Parallel()
	never := func() (*engine.Engine, error) { select {} }
	if _, err := compileWithin(t.Context(), time.Millisecond, never); err == nil || !strings.Contains(err.Error(), "compiling takes longer than 1ms") {
		t.Errorf("after its limit: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compileWithin(ctx, time.Hour, never); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interruption: %v", err)
	}
	want := &engine.Engine{}
	if e, err := compileWithin(t.Context(), time.Hour, func() (*engine.Engine, error) { return want, nil }); e != want || err != nil {
		t.Errorf("%v, %v", e, err)
	}
}
