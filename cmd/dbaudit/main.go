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

// patience is how long an interrupted run may take to end by itself. The journal records
// every change to an environment before it is sent.
const patience = 1500 * time.Millisecond

func main() {
	// A timer starts no thread, and the shortest runs end before it fires.
	memory := newMemory(os.Getenv("GOGC") != "")
	time.AfterFunc(watchInterval, func() { memory.watch(func(text string) { end(cli.ExitFailure, text) }) })
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		stop() // a second interruption ends the process at once
		time.AfterFunc(patience, func() { end(cli.ExitInterrupted, "interrupted") })
	})
	code := cli.Main(ctx, os.Args[1:], cli.OS())
	os.Exit(code)
}

// end ends the process, whatever else it does.
func end(code int, text string) {
	fmt.Fprintln(os.Stderr, "dbaudit: "+text)
	os.Exit(code)
}
