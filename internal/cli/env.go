package cli

import (
	"cmp"
	"context"
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
	"time"

	"golang.org/x/term"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
)

// Env is everything that the process owns, made once in main and handed in, so
// that a test can run the whole command without any of it.
type Env struct {
	console.Streams
	run.Host
}

// OS is the environment of the running process.
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

// terminalWidth is the width of a terminal, 0 of anything else.
func terminalWidth(f *os.File) int {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// ciWidth is how wide the logs of CI systems show a line without breaking it.
const ciWidth = 120

// tableWidth is what COLUMNS says, else the terminal's width, else that of a CI's log.
func tableWidth(terminal int, getenv func(string) string) int {
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if ci := getenv("CI"); terminal == 0 && ci != "" && !strings.EqualFold(ci, "false") {
		return ciWidth
	}
	return terminal
}

// signInCache keeps people's sign-ins in the user's configuration folder, encrypted with a key
// from the operating system's keyring; nil if that folder does not exist.
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
	// A program that the killed one started may still hold its output open: do not wait for it.
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

// openBrowser opens an address by the operating system's own program, which may outlive dbaudit.
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

// withoutVariables are the variables (NAME=VALUE) without dbaudit's own and without hidden names, in
// any case as on Windows.
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

// transportTrusting makes a transport that trusts the given roots, or the system's if they are nil.
func transportTrusting(roots *x509.CertPool) http.RoundTripper {
	return newTransport(cmp.Or(roots, rootsWithFile(runtime.GOOS, os.Getenv("SSL_CERT_FILE"))))
}

// rootsWithFile are the system's roots and those of SSL_CERT_FILE; nil if Go itself reads that.
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
		return nil // the certificate of the environment is then refused, with advice
	}
	return roots
}
