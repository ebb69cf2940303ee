package dataverse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// A proxyRefusal is the status with which a proxy refused to connect to a host.
type proxyRefusal int

func (status proxyRefusal) Error() string {
	return fmt.Sprintf("the proxy responded with HTTP %d", int(status))
}

// CheckProxyResponse is for [http.Transport]: its error says that a proxy refused to connect to a host.
func CheckProxyResponse(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
	if r.StatusCode != http.StatusOK {
		return proxyRefusal(r.StatusCode)
	}
	return nil
}

// A connectionFault says what a failed connection means.
type connectionFault struct {
	permanent bool   // a repeated request would fail too
	unsent    bool   // the request did not reach the server
	advice    string // what to do; "" if the caller gave up
}

// diagnose classifies the error of a connection.
func diagnose(err error) connectionFault {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	operation, isOp := errors.AsType[*net.OpError](err)
	refusal, isRefusal := errors.AsType[proxyRefusal](err)
	toProxy := isOp && (operation.Op == "proxyconnect" || operation.Op == "socks connect")
	switch {
	case errors.Is(err, context.Canceled):
		return connectionFault{permanent: true}
	case refusal == http.StatusProxyAuthRequired:
		return connectionFault{true, true, "the proxy requires a user name and password: set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT"}
	case isRefusal:
		return connectionFault{refusal < http.StatusInternalServerError, true, "the proxy refuses to connect to this host: ask its administrator to allow the host, or name the host in NO_PROXY"}
	case is[x509.UnknownAuthorityError](err), is[x509.HostnameError](err), is[x509.CertificateInvalidError](err),
		is[*tls.CertificateVerificationError](err), is[tls.RecordHeaderError](err):
		return connectionFault{true, true, "the certificate cannot be verified: check the address; behind a proxy that inspects TLS, add its CA to SSL_CERT_FILE"}
	case toProxy:
		return connectionFault{isDNS && dns.IsNotFound, true, "the proxy cannot be used: check HTTPS_PROXY, or name the host in NO_PROXY"}
	case isDNS && dns.IsNotFound:
		return connectionFault{true, true, "the name cannot be found: check its spelling (--url, --authority) and the DNS of this machine"}
	case isDNS, isOp && operation.Op == "dial":
		return connectionFault{false, true, "nothing answers there: check the address, the firewall and HTTPS_PROXY"}
	}
	return connectionFault{advice: "the connection broke or took too long: check the network and try again"}
}

// is reports whether an error, or one that it wraps, has a type.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// IsPermanent reports whether another connection would fail in the same way: the name does not
// exist, the certificate is not trusted, or the caller gave up.
func IsPermanent(err error) bool { return diagnose(err).permanent }

// ConnectionAdvice returns what to do after a failed connection, or "" if the caller gave up.
func ConnectionAdvice(err error) string { return diagnose(err).advice }
