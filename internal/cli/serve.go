package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/alert"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/loopback"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/web"
)

type serveFlags struct {
	store       string
	listen      string
	noWorker    bool
	concurrency int
	url         string
	issuer      string
	clientID    string
	certificate string
	key         string
	alerts      string
	keepDays    int
}

func (f *serveFlags) define(_ *app, cmd *cobra.Command) {
	storeFlag(cmd.Flags(), &f.store, "default "+defaultStore)
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` to listen on; port 0 means any free port")
	flags.BoolVar(&f.noWorker, "no-worker", false, "scan nothing: dbaudit worker does")
	concurrencyFlag(cmd, &f.concurrency)
	flags.StringVar(&f.url, "public-url", "", "`address` at which people reach the page, https://HOST[:PORT] (DBAUDIT_PUBLIC_URL)")
	flags.StringVar(&f.issuer, "oidc-issuer", "", "`address` of the OpenID Connect issuer, such as https://login.microsoftonline.com/TENANT-ID/v2.0 (DBAUDIT_OIDC_ISSUER)")
	flags.StringVar(&f.clientID, "oidc-client-id", "", "`id` of the page's app registration (DBAUDIT_OIDC_CLIENT_ID; its secret in DBAUDIT_OIDC_CLIENT_SECRET)")
	flags.StringVar(&f.alerts, "alerts", "", "`file` that says what to report to whom (DBAUDIT_ALERTS); see docs/fleet.md")
	flags.IntVar(&f.keepDays, "keep-days", defaultKeepDays, "`number` of days for which all results are kept; of older results, the first of each month is kept; 0 keeps all")
	flags.StringVar(&f.certificate, "tls-certificate", "", "PEM `file` of the page's certificate, if no proxy terminates TLS")
	flags.StringVar(&f.key, "tls-key", "", "PEM `file` of its key")
}

// defaultKeepDays is how long serve keeps every result by default: a year, and some days for
// comparisons with the year before.
const defaultKeepDays = 400

// maxKeepDays is a hundred years. A much longer time would overflow a duration, and serve would
// remove results that it should keep.
const maxKeepDays = 36500

func (f serveFlags) run(ctx context.Context, a *app, _ []string) (err error) {
	f.url = cmp.Or(f.url, a.Getenv("DBAUDIT_PUBLIC_URL"))
	if f.keepDays < 0 || f.keepDays > maxKeepDays {
		return usagef("--keep-days %d: want 1 to %d, or 0 to keep all results", f.keepDays, maxKeepDays)
	}
	if err := requirePositive("concurrency", f.concurrency); err != nil && !f.noWorker {
		return err
	}
	signIn, err := pageSignIn(ctx, a, f)
	if err != nil {
		return err
	}
	tlsConfig, err := pageTLS(f)
	if err != nil {
		return err
	}
	alerts, err := readAlerts(a, f)
	if err != nil {
		return err
	}
	s, err := openStore(ctx, a, f.store, store.Options{Migrate: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	e, err := a.LoadEngine(ctx)
	if err != nil {
		return err
	}
	o := fleetOptions(a)
	o.Alerts, o.Retention = alerts, time.Duration(f.keepDays)*24*time.Hour
	if !f.noWorker {
		o.Concurrency, o.Scanner = f.concurrency, newScanner(a, s, e)
	}
	queue, err := fleet.New(s, o)
	if err != nil {
		return err
	}
	handler, err := web.New(web.Options{
		Store: s, Fleet: queue, SignIn: signIn, Logger: logger(a, "page"), Rules: rulesOf(e),
	})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", f.listen)
	if err != nil {
		return listenError(f.listen, err)
	}
	scheme := "http"
	if tlsConfig != nil {
		scheme, listener = "https", tls.NewListener(listener, tlsConfig)
	}
	a.Infof("listening on %s://%s", scheme, listener.Addr())
	errorLog := slog.NewLogLogger(logger(a, "page").Handler(), slog.LevelWarn)
	return serveAndScan(ctx, listener, &http.Server{Handler: handler, ErrorLog: errorLog}, queue)
}

// listenError adds advice to the error of listening on an address. It returns other errors unchanged.
func listenError(address string, err error) error {
	opErr, ok := errors.AsType[*net.OpError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("--listen %s: %w: choose another address, or stop the program that uses this one (port 0 means any free port)", address, opErr.Err)
}

// readAlerts reads the file of alerts; nil if none is named. It also reads every secret that the
// file names, so that a missing one is an error now and not at the first alert.
func readAlerts(a *app, f serveFlags) (*fleet.Alerts, error) {
	name := cmp.Or(f.alerts, a.Getenv("DBAUDIT_ALERTS"))
	if name == "" {
		return nil, nil //nolint:nilnil // nothing is reported
	}
	data, err := bounds.ReadFile(bounds.Alerts, name)
	if err != nil {
		return nil, usagef("--alerts: %w", err)
	}
	file, err := alert.Parse(name, data)
	if err != nil {
		return nil, err
	}
	readSecret := func(source config.Source) (string, error) { return run.ReadSecret(source.In(name), a.Getenv) }
	sender := alert.Sender{Routes: file.Routes, ReadSecret: readSecret, Transport: a.Transport(nil), Now: a.Now}
	for _, source := range file.Secrets() {
		if _, err := readSecret(source); err != nil {
			return nil, usagef("%s: %w", name, err)
		}
		a.SecretVariables = append(a.SecretVariables, source.Env)
	}
	return &fleet.Alerts{Rules: file.Rules, Send: sender.Send, PageURL: f.url}, nil
}

// Time limits of the HTTP server.
const (
	requestTimeout  = 30 * time.Second
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = time.Second
)

func serveAndScan(ctx context.Context, listener net.Listener, server *http.Server, queue *fleet.Fleet) error {
	server.ReadHeaderTimeout, server.ReadTimeout, server.WriteTimeout, server.IdleTimeout = requestTimeout, requestTimeout, 2*requestTimeout, idleTimeout
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error { return queue.Run(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		shutdownCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if server.Shutdown(shutdownCtx) != nil {
			return server.Close() // a client reads too slowly
		}
		return nil
	})
	return group.Wait()
}

func listenHost(ctx context.Context, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}
	if err != nil {
		return "", usagef("--listen %s: want HOST:PORT, such as 127.0.0.1:8080", address)
	}
	return host, nil
}

// pageSignIn returns the sign-in to the page; nil if only this machine can reach the page.
func pageSignIn(ctx context.Context, a *app, f serveFlags) (*web.SignIn, error) {
	o := web.SignInOptions{
		Issuer: cmp.Or(f.issuer, a.Getenv("DBAUDIT_OIDC_ISSUER")), BaseURL: f.url,
		ClientID: cmp.Or(f.clientID, a.Getenv("DBAUDIT_OIDC_CLIENT_ID")), ClientSecret: a.Getenv("DBAUDIT_OIDC_CLIENT_SECRET"),
		SessionKey: a.Getenv("DBAUDIT_SESSION_KEY"), Now: a.Now,
		Client: &http.Client{Transport: a.Transport(nil), Timeout: requestTimeout},
	}
	host, err := listenHost(ctx, f.listen)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Issuer == "" && o.ClientID == "" && loopback.IsHost(host):
		return nil, nil //nolint:nilnil // no sign-in is needed on this machine
	case o.Issuer == "" || o.ClientID == "" || o.BaseURL == "":
		return nil, usagef("--listen %s: anyone who reaches this address would see the fleet: configure a sign-in with --oidc-issuer, --oidc-client-id and --public-url, or listen on 127.0.0.1", f.listen)
	}
	signIn, err := web.NewSignIn(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("the sign-in to the page: %w", err)
	}
	return signIn, nil
}

// pageTLS returns the TLS configuration of the page; nil if it has no certificate.
func pageTLS(f serveFlags) (*tls.Config, error) {
	if f.certificate == "" && f.key == "" {
		return nil, nil //nolint:nilnil // a proxy terminates TLS, or only this machine can reach the page
	}
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return nil, usagef("--tls-certificate and --tls-key: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func defineWorker(a *app, cmd *cobra.Command) {
	var concurrency int
	concurrencyFlag(cmd, &concurrency)
	cmd.PreRunE = func(*cobra.Command, []string) error { return requirePositive("concurrency", concurrency) }
	runInStore(a, cmd, func(ctx context.Context, s *store.Store, _ []string) error {
		e, err := a.LoadEngine(ctx)
		if err != nil {
			return err
		}
		o := fleetOptions(a)
		o.Concurrency, o.Scanner = concurrency, newScanner(a, s, e)
		queue, err := fleet.New(s, o)
		if err != nil {
			return err
		}
		a.Infof("worker %s scans what is due", workerName())
		return queue.Run(ctx)
	})
}

func concurrencyFlag(cmd *cobra.Command, n *int) {
	cmd.Flags().IntVar(n, "concurrency", fleet.DefaultConcurrency, "`number` of environments to scan at the same time")
}

// newScanner returns the scanner of the fleet, which scans like a command. It never asks questions,
// and logs little, because the store has the outcome.
func newScanner(a *app, s *store.Store, e *engine.Engine) *fleet.DataverseScanner {
	a.NoProgress = true
	host := a.Host
	host.Attended, host.OpenBrowser = false, nil
	return &fleet.DataverseScanner{Engine: e, Runner: &run.Runner{
		Host: host, Narrator: quietNarrator{a.Console}, Tool: a.Tool, PolicyFolders: a.PolicyFolders, SecretVariables: a.SecretVariables,
		OnCredentialExpiry: func(environment string, ends time.Time) {
			// An error is only a warning, because the scan does not need the date.
			if err := s.SetCredentialEnds(context.Background(), environment, ends); err != nil { //nolint:forbidigo // it does not end with the scan
				a.Warnf("%s: keeping when its credential ends: %v", environment, err)
			}
		},
	}}
}

func fleetOptions(a *app) fleet.Options {
	return fleet.Options{Worker: workerName(), Version: a.Tool.Version, Logger: logger(a, "queue")}
}
