package loopback_test

import (
	"testing"

	"github.com/dbaudit/dbaudit/internal/loopback"
)

func TestHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "[::1]": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example": false, "127.0.0.1.example": false, "127.1": false,
	} {
		if got := loopback.IsHost(host); got != want {
			t.Errorf("%q: %t, want %t", host, got, want)
		}
	}
}
