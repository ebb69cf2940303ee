// Package signin gets access tokens for a Dataverse environment from Microsoft Entra, through
// Microsoft's authentication library (MSAL for Go). It supports every way in which a program or a
// person signs in: client secret, certificate, workload identity federation, managed identity,
// device code, browser and Azure CLI.
//
//   - The configuration determines the method. [Session.Describe] says which one is used and why.
//   - Credentials are sent to the sign-in host of the environment's cloud, or to the one that the
//     user named. A host in a challenge is used only if it is one of Microsoft's known sign-in
//     hosts ([KnownAuthority]).
//   - If the tenant is given, a program's sign-in takes two requests: for the authority's
//     configuration and for the token.
//   - An error is an [AuthError] with the next step, or a [ConfigError] that names the flag and the
//     variable. Errors never contain a secret, an assertion, a token or a raw response.
//   - A person's saved sign-in is encrypted with a key in the operating system's keyring.
//
// Sources, in Microsoft's documentation: "OAuth 2.0 client credentials flow on the Microsoft
// identity platform", "Microsoft identity platform application authentication certificate
// credentials", "Workload identity federation", "OAuth 2.0 device authorization grant", "Microsoft
// Entra authentication and authorization error codes", "Use OAuth authentication with Microsoft
// Dataverse", "Microsoft Dataverse datacenter regions". For the tokens of pipelines: GitHub's
// "OpenID Connect reference" and Azure DevOps' "Oidctoken - Create".
package signin
