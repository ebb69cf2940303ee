// Package simulator is an embedded Dataverse environment. It serves the Web API and the Microsoft Entra
// sign-in host on separate HTTPS listeners. The demo, training and dbaudit's tests send real requests to it.
//
// It implements the documented protocol, not what dbaudit's client expects. The sources are Microsoft's
// "Use the Microsoft Dataverse Web API", the pages of each table in "Dataverse table/entity reference",
// "Impersonate another user using the Web API", "Service protection API limits" and "Web service error
// codes". It supports what its clients use (see CONTRIBUTING.md) and refuses everything else as Dataverse
// refuses an error: an unknown column, function or option with status 400, an unknown entity set with 404.
// What a caller sees depends on the caller's privileges and their depths.
//
// An [Environment] is plain data that people read and write as YAML. A running [Server] has one. Each write
// makes a new one, so that readers never see half of a change. The same environment and the same requests
// give the same responses, because missing ids are derived from names.
//
// # Behavior that is not documented
//
//   - The share table (principalobjectaccessset) names no privilege. Here a caller sees the shares with
//     users if it has prvReadUser, and those with teams if it has prvReadTeam. With neither it gets an error.
//   - The intersect tables require read privileges for both tables.
//   - The privilege table requires no privilege, only a caller with a role.
//   - A privilege without documented depths can be granted at Global.
//   - roleprivilegescollection has rows for the root copy of a role only.
//     RetrieveRolePrivilegesRole works for each copy.
//   - A role that a user has through a team and that is not inherited (isinherited 0) gives that user its
//     Basic privileges only on the team's rows.
//   - AddPrivilegesRole sets the requested depth, whether it is greater or smaller than the present one.
//   - If the reference names no code for an error, the code is empty, as in some responses of Dataverse.
package simulator
