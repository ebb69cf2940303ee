package signin

import (
	"regexp"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/enum"
)

// A Cloud is one of Microsoft's clouds.
type Cloud string

// The clouds. GCC is a United States government cloud with identities in the commercial cloud.
const (
	UnknownCloud Cloud = ""
	Commercial   Cloud = "commercial"
	GCC          Cloud = "GCC"
	GCCHigh      Cloud = "GCC High"
	DoD          Cloud = "DoD"
	China        Cloud = "China"
)

func (c Cloud) String() string { return enum.String(c) }

// addresses returns the cloud's sign-in address, https://HOST without a tenant, and the audience that
// its Entra expects in tokens of other identity providers. For an unknown cloud, they are those of
// the commercial cloud.
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

// CloudOf returns the cloud of an environment by its host, such as ORG.crm4.dynamics.com or
// ORG.api.crm4.dynamics.com. It accepts any region number, because Microsoft adds new ones. If the
// host is not a known Dataverse host, the cloud is UnknownCloud and known is false.
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

// KnownAuthority returns the cloud of a sign-in host, and whether it is one of Microsoft's. Only
// those are accepted from a challenge.
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
