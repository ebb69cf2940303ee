package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Fingerprint returns the stable identity of a finding: a hash of the control, the organization,
// the subject's kind and id (table and name for a required view) and the privilege. It does not
// depend on the environment's URL and name, the position and the message.
func Fingerprint(id ControlID, organizationID string, s Subject, privilege string) string {
	object := strings.ToLower(s.ID)
	if s.Kind == SubjectRequiredView {
		object = ViewKey(s.Table, s.Name)
	}
	parts := []string{
		"dbaudit/v1", string(id), strings.ToLower(organizationID), s.Kind.String(), object, strings.ToLower(privilege),
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// ViewKey returns what identifies a required view: its table and its name, in any case. It compares
// letters as lower() in Rego does.
func ViewKey(table, name string) string {
	return strings.ToLower(table) + "\x1f" + strings.ToLower(name)
}
