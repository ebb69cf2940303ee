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

// patience is how long an interrupted run may take to end. Killing it then is safe, because the
// journal records every change to an environment before it is sent.
const patience = 1500 * time.Millisecond

// settled is the time until signals are handled. Before that, a signal ends the process, which
// has not written anything. Handling signals starts threads, which the shortest runs avoid.
const settled = time.Millisecond

func main() {
	memory := newMemory(os.Getenv("GOGC") != "")
	ctx, cancel := context.WithCancelCause(context.Background())
	// The later timer is set last: each timer that is earlier than the others wakes a thread.
	time.AfterFunc(settled, func() { interrupt(ctx, cancel) })
	time.AfterFunc(watchInterval, func() { memory.watch(func(text string) { end(cli.ExitFailure, text) }) })
	code := cli.Main(ctx, os.Args[1:], cli.OS())
	os.Exit(code)
}

// interrupt ends the run at a signal.
func interrupt(ctx context.Context, cancel context.CancelCauseFunc) {
	signalled, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	<-signalled.Done()
	stop() // a second interruption ends the process at once
	cancel(context.Cause(signalled))
	time.Sleep(patience)
	end(cli.ExitInterrupted, "interrupted")
}

// end ends the process.
func end(code int, text string) {
	fmt.Fprintln(os.Stderr, "dbaudit: "+text)
	os.Exit(code)
}
