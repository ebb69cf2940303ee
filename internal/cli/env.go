package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
)

// Env is the environment of the process: its streams and the host. main makes it once, and tests
// replace it to run a whole command in the test process.
type Env struct {
	console.Streams
	run.Host
}

// OS returns the environment of the running process.
func OS() Env {
	return Env{
		Streams: console.Streams{
			Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			StdinIsTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
			StdoutIsTerminal: term.IsTerminal(int(os.Stdout.Fd())),
			StderrIsTerminal: term.IsTerminal(int(os.Stderr.Fd())),
			Width:            tableWidth(terminalWidth(os.Stdout), os.Getenv),
			StderrWidth:      cmp.Or(terminalWidth(os.Stderr), tableWidth(0, os.Getenv)),
		},
		Host: run.Host{
			Getenv: os.Getenv, Now: time.Now, Transport: transportTrusting,
			LookupHost: net.DefaultResolver.LookupHost, Run: runProgram, HasProgram: hasProgram, OpenBrowser: openBrowser, SignIns: signInCache(),
		},
	}
}

// terminalWidth returns the width of a terminal in columns; 0 if the file is not a terminal.
func terminalWidth(f *os.File) int {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// ciWidth is the width in columns that the logs of CI systems show without wrapping.
const ciWidth = 120

// tableWidth returns the value of COLUMNS, else the terminal's width, else in CI the width of a log.
func tableWidth(terminal int, getenv func(string) string) int {
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if ci := getenv("CI"); terminal == 0 && ci != "" && !strings.EqualFold(ci, "false") {
		return ciWidth
	}
	return terminal
}

// signInCache returns the store of interactive sign-ins in the user's configuration folder, encrypted
// with a key from the operating system's keyring; nil if the user has no such folder.
func signInCache() signin.Cache {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil
	}
	return signin.FileCache{Path: filepath.Join(dir, "dbaudit", "sign-ins")}
}

// runProgram runs a program. Its error contains what the program wrote to standard error.
func runProgram(ctx context.Context, hidden []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = withoutVariables(os.Environ(), hidden)
	// A child of the killed program may keep the output open. Do not wait for it.
	cmd.WaitDelay = time.Second / 2
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(failed.Stderr)))
	}
	return out, err
}

func hasProgram(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

// openBrowser opens an address with the operating system's own program, which may outlive dbaudit.
func openBrowser(hidden []string, address string) error {
	command := browserCommand(runtime.GOOS, address)
	browser := exec.Command(command[0], command[1:]...) //nolint:noctx // it outlives the program
	browser.Env = withoutVariables(os.Environ(), hidden)
	if err := browser.Start(); err != nil {
		return fmt.Errorf("opening the browser: %w", err)
	}
	go func() { _ = browser.Wait() }()
	return nil
}

// withoutVariables returns the variables (NAME=VALUE) without dbaudit's own and without the hidden
// names. Names are compared without regard to case, as on Windows.
func withoutVariables(variables, hidden []string) []string {
	return slices.DeleteFunc(variables, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(strings.ToUpper(name), "DBAUDIT_") || slices.ContainsFunc(hidden, func(h string) bool { return strings.EqualFold(h, name) })
	})
}

func browserCommand(system, address string) []string {
	switch system {
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", address}
	case "darwin":
		return []string{"open", address}
	}
	return []string{"xdg-open", address}
}

// transportTrusting returns a transport that trusts the given roots, or the system's if roots is nil.
func transportTrusting(roots *x509.CertPool) http.RoundTripper {
	return newTransport(cmp.Or(roots, rootsWithFile(runtime.GOOS, os.Getenv("SSL_CERT_FILE"))))
}

// rootsWithFile returns the system's roots and those in SSL_CERT_FILE. It returns nil if the variable
// is not set, or on systems on which Go itself reads it.
func rootsWithFile(system, file string) *x509.CertPool {
	if file == "" || system != "windows" && system != "darwin" {
		return nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil
	}
	data, err := bounds.ReadFile(bounds.Credential, file)
	if err != nil || !roots.AppendCertsFromPEM(data) {
		return nil // the connection then fails with advice about the certificate
	}
	return roots
}

// platformLimit is the longest time that Dataverse works on one statement, with a margin:
// https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
const platformLimit = 130 * time.Second

// A transport opens one connection to each host, which is enough for HTTP/2. Without this limit, each
// of the first requests to an environment would open a connection, and all but one would be closed
// unused. Once a host has answered by HTTP/1.1, each request may open its own connection.
type transport struct {
	single, multiple *http.Transport
	http1            atomic.Bool
}

func newTransport(roots *x509.CertPool) *transport {
	dialer := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}
	t := &transport{multiple: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: dataverse.CheckProxyResponse,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    20 * time.Second,
		ResponseHeaderTimeout:  platformLimit,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}
	t.single = t.multiple.Clone()
	t.single.MaxConnsPerHost = 1
	return t
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.http1.Load() {
		return t.multiple.RoundTrip(req)
	}
	resp, err := t.single.RoundTrip(req)
	if err == nil && resp.ProtoMajor == 1 {
		t.http1.Store(true)
	}
	return resp, err
}

// CloseIdleConnections closes unused connections; see [http.Client.CloseIdleConnections].
func (t *transport) CloseIdleConnections() {
	t.single.CloseIdleConnections()
	t.multiple.CloseIdleConnections()
}
