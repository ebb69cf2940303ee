package signin

import (
	"net/url"
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

func (c Cloud) String() string { return enum.Word(c) }

// Authority gives the cloud's sign-in address, https://HOST without a tenant.
// An environment that is in no known cloud signs in at the commercial one.
func (c Cloud) Authority() string {
	switch c {
	case GCCHigh, DoD:
		return "https://login.microsoftonline.us"
	case China:
		return "https://login.chinacloudapi.cn"
	case Commercial, GCC, UnknownCloud:
	}
	return "https://login.microsoftonline.com"
}

// exchangeAudience is the audience that the cloud's Entra expects in the tokens
// of other identity providers.
func (c Cloud) exchangeAudience() string {
	switch c {
	case GCCHigh, DoD:
		return "api://AzureADTokenExchangeUSGov"
	case China:
		return "api://AzureADTokenExchangeChina"
	case Commercial, GCC, UnknownCloud:
	}
	return "api://AzureADTokenExchange"
}

// CloudOf tells an environment's cloud by its host: ORG.crm4.dynamics.com. Region
// numbers are not checked, since Microsoft adds to them. If the host is not a known
// Dataverse host, known is false and the commercial cloud is assumed.
func CloudOf(environmentURL string) (cloud Cloud, known bool) {
	text, err := dataverse.ParseEnvironment(environmentURL)
	if err != nil {
		return UnknownCloud, false
	}
	u, err := url.Parse(text)
	if err != nil || u.Port() != "" {
		return UnknownCloud, false
	}
	labels := strings.Split(u.Hostname(), ".")
	if len(labels) == 5 && labels[1] == "api" { // ORG.api.crm.dynamics.com
		labels = append(labels[:1:1], labels[2:]...)
	}
	if len(labels) != 4 || labels[0] == "" {
		return UnknownCloud, false
	}
	region, isRegion := strings.CutPrefix(labels[1], "crm")
	if !isRegion || strings.Trim(region, "0123456789") != "" {
		return UnknownCloud, false
	}
	switch domain := labels[2] + "." + labels[3]; {
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

// Scope is what a token for the environment is asked for: its exact origin.
func Scope(origin string) string { return origin + "/.default" }

// KnownAuthority tells the cloud of one of Microsoft's sign-in hosts. Only these
// are followed from a challenge.
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
