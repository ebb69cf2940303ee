package signin

import (
	"fmt"
	"strings"
)

// A Method is a way to sign in.
type Method string

// The methods, with their names in --auth.
const (
	Auto             Method = ""                  // chosen by the configuration
	ClientSecret     Method = "client-secret"     // an app registration's secret
	Certificate      Method = "certificate"       // an app registration's certificate
	WorkloadIdentity Method = "workload-identity" // a token of the platform that runs dbaudit
	ManagedIdentity  Method = "managed-identity"  // the identity of the Azure resource that runs dbaudit
	DeviceCode       Method = "device-code"       // a person, with a browser on another device
	Interactive      Method = "interactive"       // a person, with a browser on this machine
	AzureCLI         Method = "azure-cli"         // the user of the Azure CLI
)

// Methods returns all methods in the order of the help.
func Methods() []Method {
	return []Method{ClientSecret, Certificate, WorkloadIdentity, ManagedIdentity, DeviceCode, Interactive, AzureCLI}
}

func (m Method) String() string { return string(m) }

// ParseMethod returns the method with a name, or Auto for "".
func ParseMethod(name string) (Method, error) {
	if name == "" {
		return Auto, nil
	}
	var names []string
	for _, m := range Methods() {
		if strings.EqualFold(name, m.String()) {
			return m, nil
		}
		names = append(names, m.String())
	}
	return Auto, &ConfigError{fmt.Sprintf("%q is not a sign-in method: --auth accepts %s", name, strings.Join(names, ", "))}
}

// phrase returns the method as it continues "signing in".
func (m Method) phrase() string {
	switch m {
	case ClientSecret, Certificate:
		return "with a client " + strings.TrimPrefix(m.String(), "client-")
	case WorkloadIdentity, ManagedIdentity, DeviceCode:
		return "with a " + strings.ReplaceAll(m.String(), "-", " ")
	case Interactive:
		return "in a browser"
	case AzureCLI:
		return "through the Azure CLI"
	case Auto:
	}
	return "automatically"
}

// IsPersonal reports whether a person signs in to dbaudit. Such sign-ins are saved.
func (m Method) IsPersonal() bool { return m == DeviceCode || m == Interactive }

// needsTenant reports whether the method requires a tenant and an authority. Managed identities and
// the Azure CLI know their own.
func (m Method) needsTenant() bool { return m != ManagedIdentity && m != AzureCLI }

// chooseMethod returns the method that the configuration implies, and the reason unless it is obvious.
func chooseMethod(c Config) (Method, string, error) {
	secret, certificate := !c.ClientSecret.IsZero(), c.CertificateFile != ""
	switch {
	case c.Method != Auto:
		return c.Method, "", nil
	case secret && certificate:
		return ClientSecret, "a client secret is set, and takes precedence over the certificate", nil
	case secret:
		return ClientSecret, "", nil
	case certificate:
		return Certificate, "", nil
	}
	for _, platform := range []struct {
		variable string
		method   Method
	}{
		{"AZURE_FEDERATED_TOKEN_FILE", WorkloadIdentity},
		{"ACTIONS_ID_TOKEN_REQUEST_URL", WorkloadIdentity},
		{"SYSTEM_OIDCREQUESTURI", WorkloadIdentity},
		{"IDENTITY_ENDPOINT", ManagedIdentity},
		{"MSI_ENDPOINT", ManagedIdentity},
	} {
		if c.Getenv(platform.variable) != "" {
			return platform.method, platform.variable + " is set", nil
		}
	}
	if saved, err := c.Cache.Load(); err == nil && len(saved) > 0 {
		return DeviceCode, "a sign-in is stored", nil
	}
	if c.ClientID != "" {
		return Auto, "", &ConfigError{"the client id " + c.ClientID + " is set, and its secret is not: set DBAUDIT_CLIENT_SECRET, " +
			"or --client-certificate (DBAUDIT_CLIENT_CERTIFICATE), or choose another way with --auth (DBAUDIT_AUTH)"}
	}
	if c.HasProgram != nil && c.RunCommand != nil && c.HasProgram("az") {
		return AzureCLI, "nothing else is set, and the Azure CLI is installed", nil
	}
	if c.Terminal {
		return Auto, "", &ConfigError{"no sign-in is configured: run az login (Azure CLI), or pass --auth device-code or " +
			"--auth interactive; a program sets --client-id with DBAUDIT_CLIENT_SECRET or --client-certificate"}
	}
	return Auto, "", &ConfigError{"no sign-in is configured: set --client-id (DBAUDIT_CLIENT_ID) with DBAUDIT_CLIENT_SECRET or " +
		"--client-certificate (DBAUDIT_CLIENT_CERTIFICATE), or choose a way with --auth (DBAUDIT_AUTH)"}
}
