package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// deriveID makes an id out of names: the same names always give the same id. It has the form of an
// RFC 9562 version 8 UUID, so that nobody takes it for a random one.
func deriveID(parts ...string) string {
	for i := range parts {
		parts[i] = strings.ToLower(parts[i])
	}
	sum := sha256.Sum256([]byte("dbaudit simulator\x00" + strings.Join(parts, "\x00")))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// parseGUID reads an id in its canonical 8-4-4-4-12 form and gives it in lower case.
func parseGUID(s string) (string, bool) {
	if len(s) != 36 {
		return "", false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return "", false
			}
		default:
			if !isHex(c) {
				return "", false
			}
		}
	}
	return strings.ToLower(s), true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// zeroGUID is what the platform writes for a missing id.
const zeroGUID = "00000000-0000-0000-0000-000000000000"
