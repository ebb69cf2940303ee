// Command dbaudit audits the integration of a sales-intelligence vendor with
// Microsoft Dynamics 365 (Dataverse) against the vendor's published minimum.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dbaudit/dbaudit/internal/cli"
)

// shutdownTimeout is how long an interrupted run may take to end. Killing it then is safe, because the
// journal records every change to an environment before it is sent.
const shutdownTimeout = 1500 * time.Millisecond

// signalDelay is the time until signals are handled. Before that, a signal ends the process, which
// has not written anything. Handling signals starts threads, which the shortest runs avoid.
const signalDelay = time.Millisecond

func main() {
	memory := newMemoryWatcher(os.Getenv("GOGC") != "")
	ctx, cancel := context.WithCancelCause(context.Background())
	// The later timer is set last: each timer that is earlier than the others wakes a thread.
	time.AfterFunc(signalDelay, func() { handleSignals(ctx, cancel) })
	time.AfterFunc(watchInterval, func() { memory.watch(func(text string) { exit(cli.ExitFailure, text) }) })
	code := cli.Main(ctx, os.Args[1:], cli.OS())
	os.Exit(code)
}

// handleSignals ends the run at a signal.
func handleSignals(ctx context.Context, cancel context.CancelCauseFunc) {
	signalled, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	<-signalled.Done()
	stop() // a second interruption ends the process at once
	cancel(context.Cause(signalled))
	time.Sleep(shutdownTimeout)
	exit(cli.ExitInterrupted, "interrupted")
}

// exit ends the process.
func exit(code int, text string) {
	fmt.Fprintln(os.Stderr, "dbaudit: "+text)
	os.Exit(code)
}
