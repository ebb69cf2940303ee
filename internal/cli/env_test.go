package cli

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// TestNamedRoots: where Go does not read SSL_CERT_FILE, its certificates are trusted
// beside the system's, and nothing is where it does.
func TestNamedRoots(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		system, file string
		want         bool
	}{
		{"windows", file, true},
		{"darwin", file, true},
		{"windows", "", false},
		{"windows", filepath.Join(t.TempDir(), "none.pem"), false},
		{"linux", file, false},
	} {
		if got := rootsWithFile(test.system, test.file); (got != nil) != test.want {
			t.Errorf("%s, %q: %v", test.system, test.file, got)
		} else if test.want && !trusts(got, server) {
			t.Errorf("%s: the certificate is not trusted", test.system)
		}
	}
}

func trusts(roots *x509.CertPool, server *httptest.Server) bool {
	_, err := server.Certificate().Verify(x509.VerifyOptions{Roots: roots})
	return err == nil
}
