// Package signin gets access tokens for a Dataverse environment from Microsoft
// Entra, by Microsoft's own library (MSAL for Go), in every way that a program
// or a person signs in: client secret, certificate, workload identity
// federation, managed identity, device code, browser, Azure CLI.
//
//   - Which method is used follows from what is configured, and [Session.Describe]
//     says it and why in one line.
//   - Credentials go to the sign-in host of the environment's cloud, or to the one
//     that the user named. A host that a challenge names is used only if it is one of
//     Microsoft's known sign-in hosts ([KnownAuthority]).
//   - With the tenant given, a program's sign-in takes two requests: the
//     authority's configuration and the token.
//   - An error is an [AuthError] with the next step in it, or a [ConfigError]
//     that names flag and variable. Neither holds a secret, an assertion, a token
//     or the raw text of an answer.
//   - A person's saved sign-in is encrypted, with the key in the
//     operating system's keyring.
//
// Sources, of Microsoft's documentation: "OAuth 2.0 client credentials flow on
// the Microsoft identity platform", "Microsoft identity platform application
// authentication certificate credentials", "Workload identity federation",
// "OAuth 2.0 device authorization grant", "Microsoft Entra authentication and
// authorization error codes", "Use OAuth authentication with Microsoft
// Dataverse", "Microsoft Dataverse datacenter regions"; GitHub's "OpenID Connect
// reference" and Azure DevOps' "Oidctoken - Create" for the tokens of pipelines.
package signin
