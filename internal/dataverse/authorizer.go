package dataverse

import (
	"context"
	"errors"
	"net/http"
)

// maxRenewals is how often one request may have the token renewed.
const maxRenewals = 3

// authorizer puts the token on each request and renews it when the environment
// refuses it. A refused request was not carried out, so writes go again too.
type authorizer struct {
	next   sender
	tokens *keeper
}

func (a authorizer) send(ctx context.Context, c call) (reply, error) {
	t, generation, err := a.tokens.token(ctx)
	for renewals := 0; ; renewals++ {
		if err != nil {
			return reply{}, signInError(ctx, err)
		}
		c.token = t.Value
		r, err := a.next.send(ctx, c)
		if r.status != http.StatusUnauthorized || renewals == maxRenewals { // whether or not its body arrived
			return r, err
		}
		claims := ParseChallenge(r.header.Values("WWW-Authenticate")...).Claims
		t, generation, err = a.tokens.renew(ctx, generation, claims)
		if err != nil {
			return reply{}, signInError(ctx, err)
		}
	}
}

// signInError keeps a failed sign-in from being taken for a failed request,
// which would be tried again.
func signInError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	var already *Error
	if errors.As(err, &already) {
		return err
	}
	return &Error{Kind: Unauthorized, cause: err}
}
