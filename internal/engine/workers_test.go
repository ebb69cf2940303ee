package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestWorkerPoolReusesGoroutines proves that an idle goroutine takes the next work, and ends after
// the idle timeout.
func TestWorkerPoolReusesGoroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // it fails if a goroutine remains
		w := make(workerPool)
		done := make(chan string, 2)
		w.run(func() { done <- "first" })
		synctest.Wait()
		select {
		case w <- func() { done <- "second" }:
		default:
			t.Error("no goroutine is idle")
		}
		for _, want := range []string{"first", "second"} {
			if got := <-done; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		time.Sleep(idleTimeout)
	})
}
