package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
)

type loginFlags struct {
	connection run.Connection
	username   string
}

func newLoginCommand(a *app) *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use:   "login",
		Short: "sign in interactively and store the session",
		Long: `Signs in interactively with a device code or, with --auth interactive, with
the browser of this machine, and stores the sign-in: encrypted in the user's
configuration folder, with the key in the operating system's keyring. Later
commands use it without asking. The app registration must allow public client
flows.

If you are signed in to the Azure CLI, you do not need this: --auth azure-cli uses that sign-in.`,
		Example: `  dbaudit login --url https://contoso.crm.dynamics.com --client-id GUID
  dbaudit login --env production --auth interactive`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), a) },
	}
	connectionFlags(cmd.Flags(), &f.connection)
	cmd.Flags().StringVar(&f.username, "username", "", "user principal `name` to fill into the form")
	return cmd
}

func (f loginFlags) run(ctx context.Context, a *app) error {
	t, err := a.Single(f.connection, run.Wanted{Any: true}, "login signs in to one environment")
	if err != nil {
		return err
	}
	// A program's credential is not a reason to sign in a program here.
	switch method, err := signin.ParseMethod(t.Auth.Method); {
	case err != nil:
		return err
	case method == signin.AzureCLI:
		return usagef("the Azure CLI stores its own sign-in: run az login, then any command with --auth azure-cli")
	case method != signin.DeviceCode && method != signin.Interactive:
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
	lost := ""
	c.Warn = func(text string) { lost = text }
	who, err := signin.Login(ctx, c)
	if err != nil {
		return err
	}
	if lost != "" {
		return fmt.Errorf("signed in as %s, but %s: sign in for each command with --auth %s, or use --auth azure-cli", who.Username, lost, c.Method)
	}
	a.Log(slog.LevelInfo, t.Name, "signed in as "+who.Username, slog.String("username", who.Username), slog.String("tenant", who.Tenant))
	return nil
}

type logoutFlags struct {
	clientID string
	username string
}

func newLogoutCommand(a *app) *cobra.Command {
	var f logoutFlags
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "forget interactive sign-ins",
		Long:  `Removes what dbaudit login stored: everything or, with --username, one person's sign-in. With the last one, the file and its key in the keyring are removed too. Issued tokens stay valid until they expire, after about an hour.`,
		Example: `  dbaudit logout
  dbaudit logout --username jane@contoso.com --client-id GUID`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), a) },
	}
	cmd.Flags().StringVar(&f.username, "username", "", "user principal `name` to sign out (default everybody)")
	cmd.Flags().StringVar(&f.clientID, "client-id", "", "the app registration that signed it in (DBAUDIT_CLIENT_ID)")
	return cmd
}

func (f logoutFlags) run(ctx context.Context, a *app) error {
	if a.SignIns == nil {
		a.Sayf("not signed in")
		return nil
	}
	clientID := ""
	if f.username != "" {
		clientID = cmp.Or(f.clientID, a.Getenv("DBAUDIT_CLIENT_ID"))
	}
	gone, err := signin.Logout(ctx, a.SignIns, clientID, f.username)
	if err != nil {
		return err
	}
	if len(gone) == 0 {
		a.Sayf("not signed in")
	}
	for _, account := range gone {
		a.Log(slog.LevelInfo, "", "signed out "+account.Username, slog.String("username", account.Username), slog.String("tenant", account.Tenant))
	}
	return nil
}
