package cli

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/term"
)

// Env is everything that the process owns, made once in main and handed in, so
// that a test can run the whole command without any of it.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	// Transport makes the innermost HTTP transport. It trusts the given roots, or
	// the system's where they are nil.
	Transport func(roots *x509.CertPool) http.RoundTripper

	StdinIsTerminal, StdoutIsTerminal, StderrIsTerminal bool
	// Width is the terminal's, in columns; 0 where standard output is none.
	Width int
}

// OS is the environment of the running process.
func OS() Env {
	width := 0
	stdoutIsTerminal := term.IsTerminal(int(os.Stdout.Fd()))
	if stdoutIsTerminal {
		if columns, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
			width = columns
		}
	}
	return Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now, Transport: transport,
		StdinIsTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		StdoutIsTerminal: stdoutIsTerminal,
		StderrIsTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Width:            width,
	}
}

// platformLimit is how long Dataverse works on one statement, with a margin:
// https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
const platformLimit = 130 * time.Second

func transport(roots *x509.CertPool) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   20 * time.Second,
		ResponseHeaderTimeout: platformLimit,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
}
