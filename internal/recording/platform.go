package recording

import (
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

// isGUID and isPrivilege check each text of a recording, so they do not use regular expressions.
func isGUID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }

func isPrivilege(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	name, ok := strings.CutPrefix(text, "prv")
	return ok && name != "" && strings.Trim(name, letters) == ""
}

// isStructure reports whether a member's text is the platform's, not a name.
func isStructure(member string) bool {
	switch strings.ToLower(member) {
	case "returnedtypecode", "objecttypecode", "entityname", "attributelogicalname", "logicalname", "schemaname", "propertyname", "privilegename", "privilegetype",
		"depth", "accessrights", "version", "code", "@l", "metadataid", "objecttypeid":
		return true
	}
	return strings.Contains(member, "@Microsoft.Dynamics.CRM.") && !strings.HasSuffix(member, "cookie") ||
		strings.HasSuffix(member, "@odata.type") || strings.HasSuffix(member, "@odata.etag")
}

// isPlain reports whether a text is a time or a short number.
func isPlain(text string) bool {
	if text[0] < '0' || text[0] > '9' {
		return false
	}
	_, err := time.Parse(time.RFC3339, text)
	return err == nil || len(text) < 10 && strings.Trim(text, "0123456789") == ""
}

// message replaces the GUIDs and names in an error message, and each word that is not known to be
// the platform's.
func (n *names) message(text string) string {
	word := regexp.MustCompile(guid + `|[\pL\pN_@.#+%-]+`)
	return word.ReplaceAllStringFunc(text, func(w string) string {
		bare := strings.TrimRight(w, ".")
		switch {
		case isGUID(w):
			return n.id(w)
		case bare == "", ofPlatform(bare) && (len(bare) <= 3 || !n.known(bare)):
			return w
		}
		return n.name(bare) + w[len(bare):]
	})
}

// ofPlatform reports whether a word of a message is the platform's.
func ofPlatform(word string) bool {
	if regexp.MustCompile(`^(?:[a-z]+|0x[0-9A-Fa-f]+|[0-9]+|(?i:prv)[A-Za-z0-9_]+|Microsoft\.Dynamics\.CRM\.[a-z_]+|[A-Z][a-z]*[A-Z][A-Za-z]*Id)$`).MatchString(word) {
		return true
	}
	switch word {
	case "A", "An", "The", "This", "It", "Could", "Id", "OTC", "Principal", "User", "Team", "Role", "Caller", "SystemUser",
		"OData", "Web", "API", "HTTP", "Dataverse", "Dynamics", "CRM", "Microsoft", "Power", "Platform", "Entra", "Azure", "AD",
		"SecLib", "AccessCheckEx", "CheckPrivilege", "CRMSecurityException", "SystemUserId", "OrganizationContext", "Consider",
		"Number", "Combined", "Resource", "Bad", "Request", "Access", "Forbidden", "Unauthorized", "Not", "Found", "No", "IP", "URI", "URL":
		return true
	}
	return false
}
