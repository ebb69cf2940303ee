package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// cliSource asks the Azure CLI for a token of whoever is signed in there.
type cliSource struct {
	run   func(ctx context.Context, name string, args ...string) ([]byte, error)
	args  []string
	scrub scrubber
}

func newCLISource(c Config, s *Session) (dataverse.TokenSource, error) {
	if c.RunCommand == nil {
		return nil, &ConfigError{"sign-in by azure-cli: programs cannot be run here"}
	}
	args := []string{"account", "get-access-token", "--output", "json", "--resource", s.origin}
	if s.tenant != "" {
		args = append(args, "--tenant", s.tenant)
	}
	s.clientID = ""
	return cliSource{c.RunCommand, args, c.scrubber()}, nil
}

// Token runs az, which cannot be asked for a new token or for claims: then the person must
// run az login again.
func (a cliSource) Token(ctx context.Context, o dataverse.TokenOptions) (dataverse.Token, error) {
	if o.Claims != "" {
		return dataverse.Token{}, &AuthError{Message: "the environment asks for more than the Azure CLI's sign-in gives", Advice: "run az login again"}
	}
	out, err := a.run(ctx, "az", a.args...)
	if err != nil {
		if ctx.Err() != nil {
			return dataverse.Token{}, interrupted(ctx)
		}
		e := &AuthError{Message: a.scrub.text(err.Error()), Advice: "check that az is installed and signed in: az login"}
		if code := aadsts(denial{Description: err.Error()}); code != "" {
			e.Code, e.Advice = code, advise(code, "")
		}
		return dataverse.Token{}, e
	}
	t, err := parseCLIToken(out)
	if err != nil {
		return dataverse.Token{}, &AuthError{Message: err.Error(), Advice: "update the Azure CLI, and try: az account get-access-token"}
	}
	return t, nil
}

// parseCLIToken reads what az writes: expires_on in seconds, or from older
// versions expiresOn as a local time.
func parseCLIToken(out []byte) (dataverse.Token, error) {
	var answer struct {
		AccessToken string          `json:"accessToken"`
		ExpiresOn   string          `json:"expiresOn"`
		Seconds     json.RawMessage `json:"expires_on"`
	}
	if json.Unmarshal(out, &answer) != nil || answer.AccessToken == "" {
		return dataverse.Token{}, fmt.Errorf("the Azure CLI did not return a token")
	}
	t := dataverse.Token{Value: dataverse.NewSecret(answer.AccessToken)}
	var seconds int64
	if json.Unmarshal(answer.Seconds, &seconds) == nil && seconds > 0 {
		t.ExpiresAt = time.Unix(seconds, 0)
		return t, nil
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05.999999", answer.ExpiresOn, time.Local)
	if err != nil {
		return dataverse.Token{}, fmt.Errorf("what the Azure CLI answers does not say when the token expires")
	}
	t.ExpiresAt = at
	return t, nil
}
