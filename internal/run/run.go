// Package run contains the pipelines that the commands and the fleet's worker share, free of flags.
// The steps of a scan are methods of [Runner]:
//
//   - Configuration reads dbaudit.yaml, and Targets resolves the chosen environments.
//   - LoadEngine compiles the policies, and LoadAcceptance reads the waivers and the baseline.
//   - Scan connects to each environment, collects its snapshot and judges it.
//   - Accept marks findings that are waived or in the baseline.
//
// CheckSnapshot judges a saved snapshot instead, and Plan makes a plan from a result. The caller
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

// A Host gives the pipelines access to the process and its machine.
type Host struct {
	Getenv func(string) string
	Now    func() time.Time
	// Transport returns an HTTP transport that trusts the given roots, or the system's if they
	// are nil.
	Transport func(roots *x509.CertPool) http.RoundTripper
	// Sleep waits between attempts; nil means with a timer.
	Sleep func(context.Context, time.Duration) error
	// LookupHost returns the addresses of a host; nil if names cannot be resolved.
	LookupHost func(ctx context.Context, host string) ([]string, error)
	// Run runs a program without the hidden variables and returns its standard output; nil if
	// programs cannot be run.
	Run func(ctx context.Context, hidden []string, name string, args ...string) ([]byte, error)
	// HasProgram reports whether Run finds a program; nil if programs cannot be run.
	HasProgram func(name string) bool
	// OpenBrowser opens an address in the browser, without the hidden variables, and does not
	// wait for it; nil if there is no browser.
	OpenBrowser func(hidden []string, address string) error
	// SignIns stores interactive sign-ins between runs; nil stores them for this run only.
	SignIns signin.Cache
	// Attended is set if a person is present who can sign in.
	Attended bool
}

// A Narrator shows messages and progress. It is safe for concurrent use.
type Narrator interface {
	// Log shows a message about an environment, or about the whole run if environment is empty.
	Log(level slog.Level, environment, message string, fields ...slog.Attr)
	// Warn shows a warning about an environment, or about the whole run.
	Warn(environment, message string)
	// Progress shows the progress of reading an environment, until it is stopped.
	Progress(environment string) Progress
}

// A Progress receives the events of reading one environment.
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
	// ConfigFile is the name of the configuration; empty for DBAUDIT_CONFIG or dbaudit.yaml.
	ConfigFile string
	// PolicyFolders are the folders of custom rules.
	PolicyFolders []string
	// SecretVariables names variables with secrets, in addition to those of the configuration.
	SecretVariables []string

	// OnCredentialExpiry is called at each connection with the expiry of the environment's
	// credential, if it is known; it may be nil.
	OnCredentialExpiry func(environment string, expiry time.Time)

	interactiveSignIn sync.Mutex         // held while a person signs in
	memorySignIns     signin.MemoryCache // used if Host.SignIns is nil
	sessions          sync.Map           // from sessionKey to *signin.Session
	profiles          sync.Map           // from name and content to profile.Profile
}

// Infof logs a message about the whole run. Line breaks in the arguments are made visible.
func (r *Runner) Infof(format string, args ...any) {
	r.Log(slog.LevelInfo, "", text.Linef(format, args...))
}

// Warnf shows a warning about the whole run. Line breaks in the arguments are made visible.
func (r *Runner) Warnf(format string, args ...any) {
	r.Warn("", text.Linef(format, args...))
}

// A UsageError is an error in the command line or in the configuration.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a [UsageError].
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }
