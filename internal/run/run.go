// Package run contains the pipelines of commands and of the fleet's worker, free of flags:
// choosing environments, signing in, reading, judging, and accepting findings. The caller
// passes the clock, the transport, the environment variables and the narrator.
package run

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/signin"
)

// A Host contains what the pipelines use of the process.
type Host struct {
	Getenv func(string) string
	Now    func() time.Time
	// Transport makes the innermost HTTP transport. It trusts the given roots, or the
	// system's if they are nil.
	Transport func(roots *x509.CertPool) http.RoundTripper
	// Sleep waits between attempts; nil means a timer.
	Sleep func(context.Context, time.Duration) error
	// LookupHost finds a host's addresses; nil if names cannot be resolved.
	LookupHost func(ctx context.Context, host string) ([]string, error)
	// Run runs a program to its end, without the hidden variables, and returns its standard
	// output; nil if programs cannot be run.
	Run func(ctx context.Context, hidden []string, name string, args ...string) ([]byte, error)
	// HasProgram reports whether Run finds a program; nil if programs cannot be run.
	HasProgram func(name string) bool
	// OpenBrowser opens an address in the person's browser, without the hidden variables, and
	// does not wait for it; nil without a browser.
	OpenBrowser func(hidden []string, address string) error
	// SignIns stores interactive sign-ins between runs; nil stores them for this run only.
	SignIns signin.Cache
	// Attended is set if a person is present who can be asked to sign in.
	Attended bool
}

// A Narrator receives messages about what is done, for several environments at once.
type Narrator interface {
	// Log reports about an environment, or about the whole run if none is named.
	Log(level slog.Level, environment, message string, fields ...slog.Attr)
	// Warn reports what a reader should not overlook.
	Warn(environment, message string)
	// Progress begins to show the reading of an environment, until it is stopped.
	Progress(environment string) Progress
}

// A Progress receives the progress of reading one environment.
type Progress interface {
	Exchange(dataverse.Event)
	Section(collector.Event)
	Task(title string)
	Stop()
}

// A Runner runs the pipelines of one process.
type Runner struct {
	Host
	Narrator

	Tool  audit.Tool
	Stdin io.Reader
	// ConfigFile is the named configuration; empty for DBAUDIT_CONFIG or dbaudit.yaml.
	ConfigFile string
	// PolicyFolders contain custom rules.
	PolicyFolders []string
	// SecretVariables are variables with secrets that no configuration names.
	SecretVariables []string

	// OnCredentialExpiry receives the known expiry of an environment's credential at each
	// connection; nil for no receiver.
	OnCredentialExpiry func(environment string, ends time.Time)

	interactiveSignIn sync.Mutex // held while a person is asked to sign in
	// memorySignIns stores sign-ins for this run, if nothing stores them longer.
	memorySignIns signin.MemoryCache
	sessions      sync.Map // the hash of a sign-in to *signin.Session
	profiles      sync.Map // name and content to profile.Profile
}

// Infof narrates what is done. Names among the arguments stay on its line.
func (r *Runner) Infof(format string, args ...any) {
	r.Log(slog.LevelInfo, "", text.Linef(format, args...))
}

// Warnf reports what a reader should not overlook.
func (r *Runner) Warnf(format string, args ...any) {
	r.Warn("", text.Linef(format, args...))
}

// A UsageError is a fault of the command line or of the configuration.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the fault itself.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}
