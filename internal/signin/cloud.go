package signin

import (
	"regexp"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/enum"
)

// Cloud is one of Microsoft's clouds, as far as signing in differs.
type Cloud string

// The clouds. GCC is a United States government cloud whose identities live in
// the commercial one.
const (
	UnknownCloud Cloud = ""
	Commercial   Cloud = "commercial"
	GCC          Cloud = "GCC"
	GCCHigh      Cloud = "GCC High"
	DoD          Cloud = "DoD"
	China        Cloud = "China"
)

func (c Cloud) String() string { return enum.String(c) }

// addresses are the cloud's sign-in address, https://HOST without a tenant, and the audience
// that its Entra expects in the tokens of other identity providers. An environment that is
// in no known cloud signs in at the commercial one.
func (c Cloud) addresses() (authority, audience string) {
	switch c {
	case GCCHigh, DoD:
		return "https://login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"
	case China:
		return "https://login.chinacloudapi.cn", "api://AzureADTokenExchangeChina"
	case Commercial, GCC, UnknownCloud:
	}
	return "https://login.microsoftonline.com", "api://AzureADTokenExchange"
}

// CloudOf returns an environment's cloud, by its host: ORG.crm4.dynamics.com, or
// ORG.api.crm4.dynamics.com. Region numbers are not checked, since Microsoft adds to them.
// If the host is not a known Dataverse host, known is false and the commercial cloud is
// assumed.
func CloudOf(environmentURL string) (cloud Cloud, known bool) {
	origin, err := dataverse.ParseEnvironment(environmentURL)
	host := regexp.MustCompile(`^https://[^.]+(?:\.api)?\.crm([0-9]*)\.([a-z.]+)$`).FindStringSubmatch(origin)
	if err != nil || host == nil {
		return UnknownCloud, false
	}
	switch region, domain := host[1], host[2]; {
	case domain == "dynamics.com" && region == "9":
		return GCC, true
	case domain == "dynamics.com":
		return Commercial, true
	case domain == "microsoftdynamics.us" && region == "":
		return GCCHigh, true
	case domain == "appsplatform.us" && region == "":
		return DoD, true
	case domain == "dynamics.cn" && region == "":
		return China, true
	}
	return UnknownCloud, false
}

// KnownAuthority returns the cloud of one of Microsoft's sign-in hosts. Only these are accepted
// from a challenge.
func KnownAuthority(host string) (Cloud, bool) {
	switch strings.ToLower(host) {
	case "login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net":
		return Commercial, true
	case "login.microsoftonline.us":
		return GCCHigh, true
	case "login.chinacloudapi.cn", "login.partner.microsoftonline.cn":
		return China, true
	}
	return UnknownCloud, false
}
