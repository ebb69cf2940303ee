package dataverse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
)

// A fault is what a failed connection means.
type fault struct {
	lasting bool   // trying again cannot help
	unsent  bool   // the request did not reach the other side
	advice  string // the next step, "" where the caller gave up itself
}

func diagnose(err error) fault {
	var (
		name      *net.DNSError
		dial      *net.OpError
		unknownCA x509.UnknownAuthorityError
		badHost   x509.HostnameError
		badCert   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		notTLS    tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return fault{lasting: true}
	case errors.As(err, &name) && name.IsNotFound:
		return fault{true, true, "the name cannot be found: check its spelling (--url, --authority) and the DNS of this machine"}
	case errors.As(err, &unknownCA), errors.As(err, &badHost), errors.As(err, &badCert),
		errors.As(err, &verify), errors.As(err, &notTLS):
		return fault{true, true, "the certificate cannot be verified: check the address; behind a proxy that inspects TLS, add its CA to SSL_CERT_FILE"}
	case errors.As(err, &name), errors.As(err, &dial) && dial.Op == "dial":
		return fault{false, true, "nothing answers there: check the address, the firewall and HTTPS_PROXY"}
	}
	return fault{advice: "the connection broke or took too long: check the network and try again"}
}

// Lasting reports whether a failed connection will fail the same way when it
// is tried again: a name that does not exist, a certificate that is not
// trusted, a caller that gave up.
func Lasting(err error) bool { return diagnose(err).lasting }

// ConnectionAdvice gives the next step after a connection that failed, or ""
// where the caller gave up itself.
func ConnectionAdvice(err error) string { return diagnose(err).advice }
