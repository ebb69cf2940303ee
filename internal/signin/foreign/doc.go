// Package foreign holds a test only: package signin against a token server that
// this project did not write (ory/fosite). It is a module of its own, so that
// the project does not depend on that server.
package foreign
