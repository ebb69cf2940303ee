package engine

import (
	"context"
	"errors"
	"testing"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// TestEvaluateCanceled proves that waiting for a codec ends with the context.
func TestEvaluateCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q := &preparedQuery{codecs: make(chan *codec)} // no codec is free
	if err := q.evaluate(ctx, snapshot.New(), 0, &report{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
