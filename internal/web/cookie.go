package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// The names of the cookies; see [SignIn.cookieName].
const (
	sessionCookie = "dbaudit-session"
	flowCookie    = "dbaudit-sign-in"
)

// newCookieCipher returns a cipher with the given key, or with a random one if the key is empty.
func newCookieCipher(sessionKey string) (cipher.AEAD, error) {
	const minLength = 32
	key := sha256.Sum256([]byte(sessionKey))
	switch {
	case sessionKey == "":
		_, _ = rand.Read(key[:]) // never fails, by its contract
	case len(sessionKey) < minLength:
		return nil, fmt.Errorf("the key of the sessions has %d characters: want %d at least", len(sessionKey), minLength)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("the key of the sessions: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealCookie sets a cookie with an encrypted value. The name is authenticated too, so that one cookie
// is not accepted as another.
func (s *SignIn) sealCookie(w http.ResponseWriter, name string, value any, maxAge time.Duration) {
	data, err := json.Marshal(value)
	if err != nil {
		return // never happens for strings and times
	}
	s.setCookie(w, name, base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, data, []byte(name))), int(maxAge.Seconds()))
}

func (s *SignIn) deleteCookie(w http.ResponseWriter, name string) { s.setCookie(w, name, "", -1) }

func (s *SignIn) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	// Lax, because the issuer redirects to the callback from another site.
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

// cookieName returns the full name of a cookie. The prefix makes browsers refuse it from other hosts
// and over plain HTTP.
func (s *SignIn) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

// openCookie decrypts a cookie into value, and reports whether it is valid.
func (s *SignIn) openCookie(r *http.Request, name string, value any) bool {
	cookie, err := r.Cookie(s.cookieName(name))
	if err != nil {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return false
	}
	data, err := s.aead.Open(nil, nil, sealed, []byte(name))
	return err == nil && json.Unmarshal(data, value) == nil
}
