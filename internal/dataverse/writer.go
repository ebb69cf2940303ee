package dataverse

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Writer changes one environment, and reads it as a [Client] does. Only the code that carries
// out a plan may have one.
//
// A change is sent once. It is repeated only if it was not carried out: after 429, after 401
// with a new token, and if there was no connection. After any other failure the error's
// MayHaveHappened is set, and the state must be read before another try.
type Writer struct{ *Client }

// NewWriter makes a client that may also write.
func NewWriter(o Options) (*Writer, error) {
	o.writing = true
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	return &Writer{c}, nil
}

// Change sends a change, with a body of JSON or none: POST makes a row, adds a reference or
// calls an action; PATCH changes a row whose ETag is ifMatch, and "" matches any, so that a
// missing row is not created; DELETE removes a row or a reference. It returns the id of the
// row that was created or changed, "" if the response names none.
func (w *Writer) Change(ctx context.Context, method string, r Request, body json.RawMessage, ifMatch string) (GUID, error) {
	address, err := w.address(r)
	if err != nil {
		return "", err
	}
	header := w.header(r)
	switch method {
	case http.MethodPost, http.MethodDelete:
	case http.MethodPatch:
		header.Set("If-Match", cmp.Or(ifMatch, "*"))
		header.Del("If-None-Match") // the two contradict each other
	default:
		return "", fmt.Errorf("%s: the method %q is not supported", r.Label, method)
	}
	var text []byte
	if len(body) > 0 {
		if text, err = json.Marshal(body); err != nil {
			return "", fmt.Errorf("%s: building the request: %w", r.Label, err)
		}
		header.Set("Content-Type", "application/json")
	}
	got, err := w.sender.send(ctx, call{method: method, url: address, header: header, body: text, label: r.Label, caller: r.Caller})
	if err != nil {
		return "", err
	}
	if len(got.body) > 0 {
		if err := w.checkObject(got); err != nil {
			e := w.protocolError(r, "the change was carried out, but the answer cannot be used: "+err.Error())
			e.MayHaveHappened = true
			return entityID(got.header), e
		}
	}
	return entityID(got.header), nil
}

// entityID reads the id out of OData-EntityId: https://…/roles(<id>).
func entityID(h http.Header) GUID {
	u, err := url.Parse(h.Get("OData-EntityId"))
	if err != nil {
		return ""
	}
	rest, ok := strings.CutSuffix(u.Path, ")")
	if !ok {
		return ""
	}
	id, _ := ParseGUID(rest[strings.LastIndexByte(rest, '(')+1:])
	return id
}
