package dataverse

import (
	"net/http"
	"net/url"
)

// Caller is the user on whose behalf a request is made. The zero value is the
// signed-in identity itself.
type Caller struct {
	ObjectID     GUID // Entra object id; preferred
	SystemUserID GUID
}

func (c Caller) isZero() bool { return c == Caller{} }

// Request is one read or change.
type Request struct {
	// Path is relative to /api/data/v9.2/ and encoded, as Query.String gives it.
	Path   string
	Caller Caller
	// Strong asks for what is true now instead of what a cache of up to thirty
	// seconds says about permissions and metadata.
	Strong bool
	// Label says in a few words what this is, for errors and progress.
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

// address is the URL of a request, or the error of one that is not sent.
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
