package dataverse

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
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
		hide(&r, t.Value)
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

// hide takes the token out of an answer that echoes it, before anything can
// print a part of that answer.
func hide(r *reply, token Secret) {
	secret := []byte(token.Reveal())
	if bytes.Contains(r.body, secret) {
		r.body = bytes.ReplaceAll(r.body, secret, []byte(redacted))
	}
	for _, values := range r.header {
		for i, v := range values {
			if strings.Contains(v, token.Reveal()) {
				values[i] = strings.ReplaceAll(v, token.Reveal(), redacted)
			}
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
