// Package run contains the pipelines, free of flags: choosing environments, signing in,
// reading, judging, and accepting findings. Commands and the fleet's worker use the same ones. The caller
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

// A Host is what the process owns and lends to the pipelines.
type Host struct {
	Getenv func(string) string
	Now    func() time.Time
	// Transport makes the innermost HTTP transport. It trusts the given roots, or
	// the system's where they are nil.
	Transport func(roots *x509.CertPool) http.RoundTripper
	// Sleep waits between attempts; nil means a timer.
	Sleep func(context.Context, time.Duration) error
	// LookupHost finds a host's addresses; nil where names cannot be looked up.
	LookupHost func(ctx context.Context, host string) ([]string, error)
	// Run runs a program to its end and returns what it wrote to its standard
	// output; nil if programs cannot be run. The program does not get the hidden
	// variables.
	Run func(ctx context.Context, hidden []string, name string, args ...string) ([]byte, error)
	// HasProgram reports whether Run finds a program; nil if programs cannot be run.
	HasProgram func(name string) bool
	// OpenBrowser opens an address in the person's browser, without waiting for it and
	// without the hidden variables, or nil.
	OpenBrowser func(hidden []string, address string) error
	// SignIns keeps people's sign-ins between runs; nil keeps them for this run.
	SignIns signin.Cache
	// Attended says that a person is present, who can be asked to sign in.
	Attended bool
}

// A Narrator receives messages about what is being done. It is used by several environments
// at once.
type Narrator interface {
	// Log reports about an environment, or about the whole run if none is named.
	Log(level slog.Level, environment, message string, fields ...slog.Attr)
	// Warn says what a reader should not overlook.
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
	// ConfigFile is the named configuration; DBAUDIT_CONFIG or dbaudit.yaml if it is
	// empty.
	ConfigFile string
	// PolicyFolders hold custom rules.
	PolicyFolders []string

	// CredentialEnds receives the end of an environment's credential, if it is known, at
	// each connection; nil for no receiver.
	CredentialEnds func(environment string, ends time.Time)

	asking sync.Mutex // held while a person is asked to sign in
	// forgotten keeps sign-ins for this run, where nothing keeps them longer.
	forgotten signin.MemoryCache
	sessions  sync.Map // the hash of a sign-in to *signin.Session
	profiles  sync.Map // name and content to profile.Profile
}

// say narrates what is being done. Names among the arguments stay on its line.
func (r *Runner) say(format string, args ...any) {
	r.Log(slog.LevelInfo, "", text.Linef(format, args...))
}

// warn says what a reader should not overlook.
func (r *Runner) warn(format string, args ...any) {
	r.Warn("", text.Linef(format, args...))
}

// A UsageError is a fault of the command line or of the configuration.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap gives the fault itself.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}
