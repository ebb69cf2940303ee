package dataverse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
)

// fault is a way in which a connection fails. It decides whether to try again, and the
// advice.
type fault int

const (
	faultOther       fault = iota
	faultName              // the name does not exist
	faultCertificate       // TLS cannot be trusted
	faultDial              // no connection came about
	faultCanceled          // the caller gave up
)

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
		return faultCanceled
	case errors.As(err, &name) && name.IsNotFound:
		return faultName
	case errors.As(err, &unknownCA), errors.As(err, &badHost), errors.As(err, &badCert),
		errors.As(err, &verify), errors.As(err, &notTLS):
		return faultCertificate
	case errors.As(err, &name), errors.As(err, &dial) && dial.Op == "dial":
		return faultDial
	}
	return faultOther
}

// lasting reports whether trying again cannot help.
func (f fault) lasting() bool {
	return f == faultName || f == faultCertificate || f == faultCanceled
}

// sent reports whether the request may have reached the other side.
func (f fault) sent() bool { return f == faultOther || f == faultCanceled }

// Lasting reports whether a failed connection will fail the same way when it
// is tried again: a name that does not exist, a certificate that is not
// trusted, a caller that gave up.
func Lasting(err error) bool { return diagnose(err).lasting() }

// ConnectionAdvice gives the next step after a connection that failed, or ""
// where the caller gave up itself.
func ConnectionAdvice(err error) string {
	switch diagnose(err) {
	case faultName:
		return "the name cannot be found: check its spelling (--url, --authority) and the DNS of this machine"
	case faultCertificate:
		return "the certificate cannot be verified: check the address; behind a proxy that opens TLS, name its CA in SSL_CERT_FILE"
	case faultDial:
		return "nothing answers there: check the address, the firewall and HTTPS_PROXY"
	case faultCanceled:
		return ""
	case faultOther:
	}
	return "the connection broke or took too long: check the network and try again"
}
