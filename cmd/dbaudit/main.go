// Command dbaudit audits the integration of a sales-intelligence vendor with
// Microsoft Dynamics 365 (Dataverse) against the vendor's published minimum.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/dbaudit/dbaudit/internal/cli"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// Most runs last a fraction of a second and leave behind what compiling the
		// policies leaves: a fifth of their time went into collecting that.
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second interruption ends the process at once.
	context.AfterFunc(ctx, stop)
	code := cli.Main(ctx, os.Args[1:], cli.OS())
	stop()
	os.Exit(code)
}
