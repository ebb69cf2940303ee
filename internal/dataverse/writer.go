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

// A Writer changes one environment, and reads it like a [Client]. Only the code that carries out a
// plan may have one.
//
// A change is sent once. It is repeated only if it was certainly not carried out: after 429, after
// 401 with a new token, and if there was no connection. If it may have been carried out, the
// error's MayHaveHappened is set, and the state must be read before another attempt.
type Writer struct{ *Client }

// NewWriter returns a client that can also write.
func NewWriter(o Options) (*Writer, error) {
	o.writing = true
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	return &Writer{c}, nil
}

// Change sends a change, with a JSON body or none. POST creates a row, adds a reference or calls an
// action. PATCH changes a row if its ETag is ifMatch; "" matches any ETag, but does not create a
// missing row. DELETE removes a row or a reference. Change returns the id of the row that was created
// or changed, "" if the response names none.
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
		header.Del("If-None-Match") // it contradicts If-Match
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
			e := w.protocolError(r, "the change was carried out, but the response cannot be used: "+err.Error())
			e.MayHaveHappened = true
			return entityID(got.header), e
		}
	}
	return entityID(got.header), nil
}

// entityID returns the id in the header OData-EntityId: https://…/roles(<id>).
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
