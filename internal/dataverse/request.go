package dataverse

import (
	"net/http"
	"net/url"
)

// A Caller is the user that a request impersonates. The zero value is the signed-in identity itself.
type Caller struct {
	ObjectID     GUID // Entra object id; preferred
	SystemUserID GUID
}

func (c Caller) isZero() bool { return c == Caller{} }

// A Request is one read or change.
type Request struct {
	// Path is relative to /api/data/v9.2/ and encoded, as [Query.String] returns it.
	Path   string
	Caller Caller
	// Strong bypasses the environment's caches of permissions and metadata, which may be thirty
	// seconds old.
	Strong bool
	// Label says in a few words what is read or changed, for errors and progress.
	Label string
}

func (c *Client) header(r Request) http.Header {
	h := http.Header{
		"Accept":           {"application/json"},
		"Odata-Version":    {"4.0"},
		"Odata-Maxversion": {"4.0"},
		"If-None-Match":    {"null"},
		"User-Agent":       {c.options.UserAgent},
	}
	switch {
	case r.Caller.ObjectID != "":
		h.Set("CallerObjectId", string(r.Caller.ObjectID))
	case r.Caller.SystemUserID != "":
		h.Set("MSCRMCallerID", string(r.Caller.SystemUserID))
	}
	if r.Strong {
		h.Set("Consistency", "Strong")
	}
	return h
}

// address returns the URL of a request. It returns an error for a request that must not be sent.
func (c *Client) address(r Request) (*url.URL, error) {
	address, err := c.origin.resolve(r.Path)
	for _, id := range []GUID{r.Caller.ObjectID, r.Caller.SystemUserID} {
		if err == nil && id != "" {
			_, err = ParseGUID(string(id))
		}
	}
	if err != nil {
		return nil, &Error{
			Kind: BadRequest, Label: r.Label, Impersonated: !r.Caller.isZero(), cause: err,
			Message: "the request was not sent: " + Printable(err.Error()),
		}
	}
	return address, nil
}
