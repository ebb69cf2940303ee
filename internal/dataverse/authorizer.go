package dataverse

import (
	"context"
	"net/http"
)

// maxRenewals is how often one request renews the token.
const maxRenewals = 3

// An authorizer adds the token to each request, and renews it if the environment refuses it. The
// refused request was not executed, so writes are repeated too.
type authorizer struct {
	next   sender
	tokens *tokenCache
}

func (a authorizer) send(ctx context.Context, c call) (reply, error) {
	t, generation, err := a.tokens.token(ctx)
	for renewals := 0; err == nil; renewals++ {
		c.token = t.Value
		r, sendErr := a.next.send(ctx, c)
		if r.status != http.StatusUnauthorized || renewals == maxRenewals { // even if its body is incomplete
			return r, sendErr
		}
		claims := ParseChallenge(r.header.Values("WWW-Authenticate")...).Claims
		t, generation, err = a.tokens.renew(ctx, generation, claims)
	}
	return reply{}, signInError(ctx, err)
}

// signInError marks the error of a sign-in, so that the retrier does not repeat it like a failed
// request.
func signInError(ctx context.Context, err error) error {
	if is[*Error](err) || ctx.Err() != nil {
		return err
	}
	return &Error{Kind: Unauthorized, cause: err}
}
