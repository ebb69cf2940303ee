package engine

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Capabilities are what a policy may use: OPA's built-ins without those that
// reach for the network, the host, the clock or chance, and without the one that makes
// any amount of memory in a step that nothing interrupts. Rules never see any of these, a user's own included; using one is a compile error. The same list is
// policy/capabilities.json, for `opa check --capabilities` and editors.
func Capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool { return isForbidden(b.Name) })
	// nil would mean every host.
	c.AllowNet = []string{}
	return c
}

func isForbidden(builtin string) bool {
	switch builtin {
	case "http.send", "opa.runtime", "rego.parse_module", "trace", "time.now_ns", "rand.intn",
		// These two look at the clock.
		"io.jwt.decode_verify", "crypto.x509.parse_and_verify_certificates",
		"crypto.x509.parse_and_verify_certificates_with_options":
		return true
	case "bits.lsh": // bits.lsh(1, 100000000000) is a number of 12 GB
		return true
	}
	for _, family := range []string{"net.", "uuid.", "providers.aws.", "io.jwt.encode_sign"} {
		if strings.HasPrefix(builtin, family) {
			return true
		}
	}
	return false
}
