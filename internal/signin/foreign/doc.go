// Package foreign tests packages signin and web with servers that this project did not write:
// ory/fosite and npm's oidc-provider. It is a separate module, so that the project does not depend on
// them.
package foreign
