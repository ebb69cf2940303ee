package dataverse

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Writer changes one environment, and reads it as a [Client] does. Nothing but
// the carrying out of a plan should hold one.
//
// A change is sent once. It is sent again only after answers that say that it
// was not carried out (429, and 401 with a new token) and where no connection
// came about. After anything else the error's MayHaveHappened is set, and the
// state must be read before anybody tries again.
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

// Written is the response to a change that was made.
type Written struct {
	// ID is the row that was created or changed (OData-EntityId); "" if the response names
	// none.
	ID GUID
	// Body is the answer's JSON, empty for most changes (204).
	Body json.RawMessage
}

// Post makes a row, adds a reference or calls an action. The body is encoded as
// JSON; nil sends none.
func (w *Writer) Post(ctx context.Context, r Request, body any) (Written, error) {
	return w.write(ctx, http.MethodPost, r, body, "")
}

// Patch changes a row that exists: ifMatch is its ETag, and "*" (or "") matches any, so
// that a missing row is not created.
func (w *Writer) Patch(ctx context.Context, r Request, body any, ifMatch string) (Written, error) {
	if ifMatch == "" {
		ifMatch = "*"
	}
	return w.write(ctx, http.MethodPatch, r, body, ifMatch)
}

// Delete removes a row or a reference.
func (w *Writer) Delete(ctx context.Context, r Request) error {
	_, err := w.write(ctx, http.MethodDelete, r, nil, "")
	return err
}

func (w *Writer) write(ctx context.Context, method string, r Request, body any, ifMatch string) (Written, error) {
	address, err := w.address(r)
	if err != nil {
		return Written{}, err
	}
	header := w.header(r)
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return Written{}, fmt.Errorf("%s: putting the request together: %w", r.Label, err)
		}
		header.Set("Content-Type", "application/json")
	}
	if ifMatch != "" {
		header.Set("If-Match", ifMatch)
		header.Del("If-None-Match") // the two contradict each other
	}
	got, err := w.top.send(ctx, call{method: method, url: address, header: header, body: text, label: r.Label, as: r.Caller})
	if err != nil {
		return Written{}, err
	}
	done := Written{ID: entityID(got.header)}
	if len(got.body) > 0 {
		if err := w.usableObject(got); err != nil {
			e := w.stopped(r, "the change was carried out, but the answer cannot be used: "+err.Error())
			e.MayHaveHappened = true
			return done, e
		}
		done.Body = got.body
	}
	return done, nil
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
	id, err := ParseGUID(rest[strings.LastIndexByte(rest, '(')+1:])
	if err != nil {
		return ""
	}
	return id
}
