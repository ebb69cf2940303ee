package signin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// cliSource returns a source that asks the Azure CLI for tokens of its user. The Azure CLI cannot
// renew a token or take claims: the user must then run az login again.
func (s *Session) cliSource() (source, error) {
	c := s.config
	if c.RunCommand == nil {
		return nil, &ConfigError{"sign-in by azure-cli: programs cannot be run here"}
	}
	args := []string{"account", "get-access-token", "--output", "json", "--resource", s.Origin}
	if s.tenant != "" {
		args = append(args, "--tenant", s.tenant)
	}
	s.clientID = ""
	return func(ctx context.Context, o dataverse.TokenOptions) (public.AuthResult, error) {
		if o.Claims != "" {
			return public.AuthResult{}, &AuthError{Message: "the environment asks for more than the Azure CLI's sign-in gives", Advice: "run az login again"}
		}
		out, err := c.RunCommand(ctx, "az", args...)
		if err != nil {
			e := &AuthError{Message: c.sanitize(err.Error()), Advice: "check that az is installed and signed in: az login"}
			if code := errorCode(errorResponse{Description: err.Error()}); code != "" {
				e.Code, e.Advice = code, advise(AzureCLI, code)
			}
			return public.AuthResult{}, e
		}
		return parseCLIToken(out)
	}, nil
}

// parseCLIToken parses the output of az. It contains expires_on in seconds or, in older versions,
// expiresOn in local time.
func parseCLIToken(out []byte) (got public.AuthResult, err error) {
	var output struct {
		AccessToken string          `json:"accessToken"`
		ExpiresOn   string          `json:"expiresOn"`
		Seconds     json.RawMessage `json:"expires_on"`
	}
	const advice = "update the Azure CLI, and try: az account get-access-token"
	if json.Unmarshal(out, &output) != nil || output.AccessToken == "" {
		return got, &AuthError{Message: "the Azure CLI did not return a token", Advice: advice}
	}
	var seconds int64
	if json.Unmarshal(output.Seconds, &seconds) == nil && seconds > 0 {
		return public.AuthResult{AccessToken: output.AccessToken, ExpiresOn: time.Unix(seconds, 0)}, nil
	}
	expiresAt, err := time.ParseInLocation("2006-01-02 15:04:05.999999", output.ExpiresOn, time.Local)
	if err != nil {
		return got, &AuthError{Message: "the Azure CLI's response does not say when the token expires", Advice: advice}
	}
	return public.AuthResult{AccessToken: output.AccessToken, ExpiresOn: expiresAt}, nil
}
