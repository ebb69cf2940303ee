// Package loopback says which hosts are this machine.
package loopback

import (
	"net"
	"strings"
)

// Host reports whether a host, without its port, is this machine alone.
func Host(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(strings.Trim(host, "[]")).IsLoopback()
}
