// Command dbaudit audits the integration of a sales-intelligence vendor with
// Microsoft Dynamics 365 (Dataverse) against the vendor's published minimum.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dbaudit/dbaudit/internal/cli"
)

// shutdownTimeout is how long an interrupted run may take to end. It is then safe to end the process,
// because the journal records every change to an environment before it is sent.
const shutdownTimeout = 1500 * time.Millisecond

// signalDelay is the time until the process handles signals. Until then, a signal ends the process,
// which has not written anything yet. The delay saves the shortest runs the threads that handling
// signals starts.
const signalDelay = time.Millisecond

func main() {
	log.SetOutput(io.Discard) // net/http logs bytes that a server sent, past the guard of the streams
	memory := newMemoryWatcher(os.Getenv("GOGC") != "")
	ctx, cancel := context.WithCancelCause(context.Background())
	// The later timer is set last, because a timer that is earlier than all others wakes a thread.
	time.AfterFunc(signalDelay, func() { handleSignals(ctx, cancel) })
	time.AfterFunc(watchInterval, func() { memory.watch(func(message string) { exit(cli.ExitFailure, message) }) })
	code := cli.Main(ctx, os.Args[1:], cli.OS())
	os.Exit(code)
}

// handleSignals cancels the run at the first signal, and ends the process if the run does not end.
func handleSignals(ctx context.Context, cancel context.CancelCauseFunc) {
	signalled, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	<-signalled.Done()
	stop() // a second interruption ends the process at once
	cancel(context.Cause(signalled))
	time.Sleep(shutdownTimeout)
	exit(cli.ExitInterrupted, "interrupted")
}

// exit prints a message and ends the process.
func exit(code int, message string) {
	fmt.Fprintln(os.Stderr, "dbaudit: "+message)
	os.Exit(code)
}
