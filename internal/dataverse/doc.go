// Package dataverse is a client of the Microsoft Dataverse Web API. It returns an error rather than
// incomplete data.
//
//   - A [Client] only reads. Writing needs a [Writer], which has its own constructor.
//   - Rows are complete, or there is an error. Pages are followed to the last @odata.nextLink,
//     also in expanded collections. A body that is truncated, is not JSON, repeats a link or
//     lacks its "value" is read again. If that does not help, the error is [Protocol].
//   - Reads are repeated after 500, 502, 503, 504, timeouts and broken connections, a limited
//     number of times. Writes are not: the error of a write says whether the change may have
//     happened. A request that got a 429 was not executed, so it is repeated for every method,
//     after its Retry-After.
//   - A token is sent to the environment's own origin only. Redirects are not followed, cookies
//     are not kept, links to other hosts are refused, and TLS below 1.2 is not used.
//   - The query builder ([Collection], [Row], [Function]) encodes or refuses names, ids and
//     values, so that none of them can change the meaning of a request.
//   - Errors, events and printed values contain no token and no secret.
//
// The layers, from the top: retrier, authorizer, limiter, wire, and the guard of the origin.
//
// Sources, of Microsoft's "Power Apps developer documentation, Dataverse": "Compose HTTP
// requests and handle errors", "Page results using OData", "Join tables using OData", "Use
// Web API functions", "Service protection API limits", "Send parallel requests",
// "Impersonate another user using the Web API", "Perform conditional operations using the
// Web API"; and Microsoft Entra's "Claims challenges, claims requests and client
// capabilities".
package dataverse
