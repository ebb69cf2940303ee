package recording

import (
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

// isGUID and isPrivilege check each text of a recording. For speed they do not use regular expressions.
func isGUID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }

func isPrivilege(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	name, ok := strings.CutPrefix(text, "prv")
	return ok && name != "" && strings.Trim(name, letters) == ""
}

// isStandardText reports whether a member has a text that Dataverse itself defines. The names of custom tables
// contain an underscore, and stay in the members of isPlatformMember only.
func isStandardText(member, text string) bool {
	switch member {
	case "OwnershipType", "AttributeType", "EntitySetName", "LogicalCollectionName":
		return regexp.MustCompile(`^[A-Za-z]+$`).MatchString(text)
	}
	return false
}

// isPlatformMember reports whether a member's text comes from Dataverse and is not a name.
func isPlatformMember(member string) bool {
	switch strings.ToLower(member) {
	case "returnedtypecode", "objecttypecode", "principaltypecode", "entityname", "attributelogicalname", "logicalname", "schemaname", "propertyname", "privilegename", "privilegetype",
		"managedpropertylogicalname", "depth", "accessrights", "accessmask", "version", "code", "@l", "metadataid", "objecttypeid":
		return true
	}
	return strings.Contains(member, "@Microsoft.Dynamics.CRM.") && !strings.HasSuffix(member, "cookie") ||
		strings.HasSuffix(member, "@odata.type") || strings.HasSuffix(member, "@odata.etag")
}

// isTimeOrNumber reports whether a text is a time or a short number.
func isTimeOrNumber(text string) bool {
	if text[0] < '0' || text[0] > '9' {
		return false
	}
	_, err := time.Parse(time.RFC3339, text)
	return err == nil || len(text) < 10 && strings.Trim(text, "0123456789") == ""
}

// anonymizeMessage returns an error message with its GUIDs and names replaced, and each word that is not known
// to come from Dataverse. It replaces the display name of a table as a whole, because it can consist of any words.
func (a *anonymizer) anonymizeMessage(text string) string {
	const start, end = "LocalizedName='", "')"
	before, rest, found := strings.Cut(text, start)
	if !found {
		return a.anonymizeWords(text)
	}
	displayName, after, _ := strings.Cut(rest, end)
	return a.anonymizeWords(before) + start + a.replaceName(displayName) + end + a.anonymizeMessage(after)
}

func (a *anonymizer) anonymizeWords(text string) string {
	word := regexp.MustCompile(guidPattern + `|[\pL\pN_@.#+%-]+`)
	return word.ReplaceAllStringFunc(text, func(w string) string {
		bare := strings.TrimRight(w, ".")
		switch {
		case isGUID(w):
			return a.replaceID(w)
		case bare == "", isPlatformWord(bare) && (len(bare) <= 3 || !a.isName(bare)):
			return w
		}
		return a.replaceName(bare) + w[len(bare):]
	})
}

func isPlatformWord(word string) bool {
	if regexp.MustCompile(`^(?:[a-z]+|0x[0-9A-Fa-f]+|[0-9]+|(?i:prv)[A-Za-z0-9_]+|Microsoft\.Dynamics\.CRM\.[a-z_]+|[A-Z][a-z]*[A-Z][A-Za-z]*Id)$`).MatchString(word) {
		return true
	}
	switch word {
	case "roleCount", "privilegeCount", "accessMode", "LocalizedName", "context.Caller", // the labels of a refusal
		"A", "An", "The", "This", "It", "Could", "Id", "OTC", "Principal", "User", "Team", "Role", "Caller", "SystemUser",
		"OData", "Web", "API", "HTTP", "Dataverse", "Dynamics", "CRM", "Microsoft", "Power", "Platform", "Entra", "Azure", "AD",
		"SecLib", "AccessCheckEx", "CheckPrivilege", "CRMSecurityException", "SystemUserId", "OrganizationContext", "Consider",
		"Number", "Combined", "Resource", "Bad", "Request", "Access", "Forbidden", "Unauthorized", "Not", "Found", "No", "IP", "URI", "URL":
		return true
	}
	return false
}
