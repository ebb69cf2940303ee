package simulator

import (
	"errors"
	"fmt"
	"net/http"
)

// Error codes of Dataverse, from "Web service error codes" in its reference and from recorded responses.
const (
	codeNone                 = ""
	codeObjectNotFound       = "0x80040217" // ObjectDoesNotExist
	codePrivilegeDenied      = "0x80040220" // PrivilegeDenied
	codeUserNotEnabled       = "0x80040225" // unManagedidsusernotenabled
	codeDuplicate            = "0x80040237" // DuplicateRecord
	codeInvalidDepth         = "0x800404bb" // unManagedinvalidprivilegeedepth
	codeInvalidArgument      = "0x80040203" // InvalidArgument
	codeNoSuchPrivilege      = "0x800404ce" // unManagedinvalidprivilegeid
	codeRoleExists           = "0x80041403" // RoleAlreadyExists
	codeNoRoles              = "0x80042f09" // the user has no roles
	codeInheritedRole        = "0x80044152" // RestrictInheritedRole
	codeAccessDenied         = "0x80048306" // SecLib::AccessCheckEx
	codeBadRequest           = "0x80048d19" // an invalid request body
	codeActOnBehalf          = "0x8004a110" // CannotActOnBehalfOfAnotherUser
	codeBadURL               = "0x80060888" // OData errors of URL, option and property
	codeVersionMismatch      = "0x80060882" // ConcurrencyVersionMismatch
	codeUnitNotEnabled       = "0x8004032c" // BusinessNotEnabled
	codeOrganizationDisabled = "0x8004a104" // OrganizationDisabled
	codeAdminModeOnly        = "0x8004a113" // UserDoesNotHaveAdminOnlyModePermissions
	codeNoLicense            = "0x8004d24b" // UserNotAssignedLicense
	codeBlockedClient        = "0x80095ffc" // the API is restricted for the application
	codeNotMember            = "0x80072560" // the user is not a member of the organization
	codeUnavailable          = "0x80072301" // the service is unavailable
	codeUnexpected           = "0x80040216" // UnExpected
	codeThrottled            = "0x80072322" // ThrottlingBurstRequestLimitExceededError
)

// An apiError is an error as the Web API reports it.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func newAPIError(status int, code, format string, args ...any) *apiError {
	return &apiError{status, code, fmt.Sprintf(format, args...)}
}

func badURL(format string, args ...any) *apiError {
	return newAPIError(http.StatusBadRequest, codeBadURL, format, args...)
}

func badRequest(format string, args ...any) *apiError {
	return newAPIError(http.StatusBadRequest, codeBadRequest, format, args...)
}

func invalidRequest(code, format string, args ...any) *apiError {
	return newAPIError(http.StatusBadRequest, code, format, args...)
}

func forbidden(code, format string, args ...any) *apiError {
	return newAPIError(http.StatusForbidden, code, format, args...)
}

func resourceNotFound(segment string) *apiError {
	return newAPIError(http.StatusNotFound, codeBadURL, "Resource not found for the segment '%s'.", segment)
}

func methodNotAllowed(method, name string) *apiError {
	return newAPIError(http.StatusMethodNotAllowed, codeBadURL, "The HTTP method '%s' is not supported for the resource '%s'.", method, name)
}

func propertyNotFound(name, logicalName string) *apiError {
	return badURL("Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", name, logicalName)
}

func rowNotFound(logicalName, id string) *apiError {
	return newAPIError(http.StatusNotFound, codeObjectNotFound, "Entity '%s' With Id = %s Does Not Exist", logicalName, id)
}

// toAPIError returns err as the Web API reports it. An error that is not an apiError is a fault of the
// simulator.
func toAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return newAPIError(http.StatusInternalServerError, codeUnexpected, "An unexpected error occurred: %v", err)
}
