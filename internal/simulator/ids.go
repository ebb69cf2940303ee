package simulator

import (
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"
)

// deriveID derives an id from names. It is a UUID of version 8, which distinguishes it from random ids.
func deriveID(parts ...string) string {
	sum := sha256.Sum256([]byte("dbaudit simulator\x00" + strings.ToLower(strings.Join(parts, "\x00"))))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// parseGUID returns an id in lower case, and whether it has the canonical 8-4-4-4-12 form.
func parseGUID(s string) (string, bool) {
	return strings.ToLower(s), len(s) == 36 && uuid.Validate(s) == nil
}

// zeroGUID stands for a missing id in Dataverse.
const zeroGUID = "00000000-0000-0000-0000-000000000000"
