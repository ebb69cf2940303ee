package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
)

type loginFlags struct {
	connection run.Connection
	username   string
}

func (f *loginFlags) define(_ *app, cmd *cobra.Command) {
	connectionFlags(cmd.Flags(), &f.connection)
	cmd.Flags().StringVar(&f.username, "username", "", "user principal `name` to fill into the form")
}

func (f loginFlags) run(ctx context.Context, a *app, _ []string) error {
	t, err := a.SingleTarget(f.connection, run.Overrides{NoRequirement: true}, "login signs in to one environment")
	if err != nil {
		return err
	}
	// login is for people, so the method of a program, which a credential implies, does not apply.
	switch method, err := signin.ParseMethod(t.Auth.Method); {
	case err != nil:
		return err
	case method == signin.AzureCLI:
		return usagef("the Azure CLI stores its own sign-in: run az login, then any command with --auth azure-cli")
	case !method.IsPersonal():
		t.Auth.Method = signin.DeviceCode.String()
	}
	c, err := a.SignInConfig(t, a.Transport(nil))
	if err != nil {
		return err
	}
	if a.SignIns == nil {
		return errors.New("this user has no configuration folder to store a sign-in: set HOME, or sign in for each command with --auth device-code")
	}
	c.Username = f.username
	warning := ""
	c.Warn = func(text string) { warning = text }
	account, err := signin.Login(ctx, c)
	if err != nil {
		return err
	}
	if warning != "" {
		return fmt.Errorf("signed in as %s, but %s: sign in for each command with --auth %s, or use --auth azure-cli", account.Username, warning, c.Method)
	}
	a.Log(slog.LevelInfo, t.Name, "signed in as "+account.Username, slog.String("username", account.Username), slog.String("tenant", account.Tenant))
	return nil
}

type logoutFlags struct {
	clientID string
	username string
}

func (f *logoutFlags) define(_ *app, cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.username, "username", "", "user principal `name` to sign out (default everybody)")
	cmd.Flags().StringVar(&f.clientID, "client-id", "", "`id` of the app registration that was used to sign in (DBAUDIT_CLIENT_ID)")
}

func (f logoutFlags) run(ctx context.Context, a *app, _ []string) error {
	if a.SignIns == nil {
		a.Infof("not signed in")
		return nil
	}
	clientID := ""
	if f.username != "" {
		clientID = cmp.Or(f.clientID, a.Getenv("DBAUDIT_CLIENT_ID"))
	}
	removed, err := signin.Logout(ctx, a.SignIns, clientID, f.username)
	if err != nil {
		return err
	}
	if len(removed) == 0 {
		a.Infof("not signed in")
	}
	for _, account := range removed {
		a.Log(slog.LevelInfo, "", "signed out "+account.Username, slog.String("username", account.Username), slog.String("tenant", account.Tenant))
	}
	return nil
}

type whoamiFlags struct {
	connection run.Connection
	document   documentFlags
}

func (f *whoamiFlags) define(_ *app, cmd *cobra.Command) {
	connectionFlags(cmd.Flags(), &f.connection)
	allEnvsFlag(cmd.Flags(), &f.connection)
	f.document.addAnswer(cmd.Flags())
}

// A whoamiDocument lists the stored sign-ins, and this identity's user in each environment.
type whoamiDocument struct {
	Kept         []storedSignIn        `json:"kept"`
	Environments []environmentIdentity `json:"environments"`
}

type storedSignIn struct {
	Username string `json:"username"`
	Tenant   string `json:"tenant"`
	Host     string `json:"host"`
}

// An environmentIdentity is the user that this identity is in an environment.
type environmentIdentity struct {
	Name           string `json:"name"`
	URL            string `json:"url"`
	Method         string `json:"method"`
	UserID         string `json:"user_id"`
	OrganizationID string `json:"organization_id"`
	BusinessUnitID string `json:"business_unit_id"`
	// User is the full name, empty if this identity cannot read users.
	User string `json:"user"`
}

func (f whoamiFlags) run(ctx context.Context, a *app, _ []string) error {
	doc := whoamiDocument{Kept: []storedSignIn{}, Environments: []environmentIdentity{}}
	if a.SignIns != nil {
		accounts, err := signin.Accounts(ctx, a.SignIns)
		if err != nil {
			return err
		}
		for _, account := range accounts {
			doc.Kept = append(doc.Kept, storedSignIn{account.Username, account.Tenant, account.Host})
		}
	}
	targets, err := f.targets(a)
	if err != nil {
		return err
	}
	code := exitOK
	for _, t := range targets {
		var me environmentIdentity
		err := t.WithTimeout(ctx, func(timed context.Context) (err error) {
			me, err = whoamiIn(timed, a, t)
			return err
		})
		if err == nil {
			doc.Environments = append(doc.Environments, me)
			continue
		}
		err = fmt.Errorf("%s: %w", t, err)
		if ctx.Err() != nil || len(targets) == 1 {
			return err
		}
		a.ReportError(err) // the other environments follow
		code = worse(code, exitCode(err))
	}
	if code != exitOK && len(doc.Environments) == 0 {
		return exitCodeError(code)
	}
	return exitWith(code, f.document.write(a, doc, doc.print))
}

// targets returns the chosen environments; none if neither flags, variables nor the configuration
// name one.
func (f whoamiFlags) targets(a *app) ([]run.Target, error) {
	if f.connection.URL == "" && !f.connection.SelectsConfigured() && a.Getenv("DBAUDIT_URL") == "" {
		file, err := a.Configuration()
		if err != nil || file.AllEnvironments()[0].URL == "" {
			return nil, err
		}
	}
	return a.Targets(f.connection, run.Overrides{NoRequirement: true})
}

func (w whoamiDocument) print(out io.Writer, _ int) error {
	lines := ""
	for _, k := range w.Kept {
		lines += text.Linef("signed in: %s, tenant %s, at %s", k.Username, k.Tenant, k.Host) + "\n"
	}
	for _, me := range w.Environments {
		lines += text.Linef("%s (%s): %s, user %s, by %s", me.Name, me.URL, cmp.Or(me.User, "name not readable"), me.UserID, me.Method) + "\n"
	}
	_, err := io.WriteString(out, cmp.Or(lines, "not signed in; run dbaudit login\n"))
	return err
}

// whoamiIn asks an environment which user this identity is.
func whoamiIn(ctx context.Context, a *app, t run.Target) (environmentIdentity, error) {
	conn, err := a.Connect(ctx, t, nil, nil)
	if err != nil {
		return environmentIdentity{}, err
	}
	data, err := conn.Get(ctx, dataverse.Function("WhoAmI").Request("who am I"))
	if err != nil {
		return environmentIdentity{}, err
	}
	var ids struct{ UserId, OrganizationId, BusinessUnitId dataverse.GUID } //nolint:revive // the Web API's names
	if err := json.Unmarshal(data, &ids); err != nil {
		return environmentIdentity{}, fmt.Errorf("who am I: the response cannot be read: check --url, and any proxy in between")
	}
	me := environmentIdentity{
		Name: t.Name, URL: t.URL, Method: conn.Session.Method.String(),
		UserID: ids.UserId.String(), OrganizationID: ids.OrganizationId.String(), BusinessUnitID: ids.BusinessUnitId.String(),
	}
	data, err = conn.Get(ctx, dataverse.Row("systemusers", ids.UserId).Select("fullname").Request("own name"))
	switch {
	case err == nil:
		var user struct{ FullName string }
		_ = json.Unmarshal(data, &user)
		me.User = user.FullName
	case ctx.Err() != nil:
		return me, err
	default:
		a.Log(slog.LevelDebug, t.Name, err.Error())
	}
	return me, nil
}
