// Package loopback recognizes the hosts that are this machine.
package loopback

import (
	"net"
	"strings"
)

// IsHost reports whether a host, without a port, is reachable from this machine only.
func IsHost(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(strings.Trim(host, "[]")).IsLoopback()
}
