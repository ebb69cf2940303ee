package simulator

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
)

// batch answers a $batch: each part in turn, change sets as a whole. Processing stops at the first
// failure, whose status is then the batch's.
func (c *call) batch() (answer, error) {
	if c.method != http.MethodPost {
		return answer{}, notAllowed(c.method, "$batch")
	}
	failed := 0 // status of the first failure
	kind, body, err := eachPart(c.header.Get("Content-Type"), bytes.NewReader(c.body), func(part *multipart.Part, out *multipart.Writer) error {
		switch {
		case failed != 0:
			return nil
		case strings.HasPrefix(part.Header.Get("Content-Type"), "multipart/mixed"):
			return c.changeSet(part, out, &failed)
		}
		answered, err := c.answerPart(part, nil, &failed)
		return errors.Join(err, writePart(out, answered, ""))
	})
	if err != nil {
		return answer{}, badURL("The message is malformed: %v", err)
	}
	return answer{plain: body, header: http.Header{"Content-Type": {kind}}, status: failed}, nil
}

// eachPart visits the parts of a batch or of a change set, and gives the content type and the body of
// the answer, which visit writes.
func eachPart(contentType string, body io.Reader, visit func(part *multipart.Part, out *multipart.Writer) error) (kind, answer string, err error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" {
		return "", "", fmt.Errorf("the content type of a batch and of a change set must be multipart/mixed, it is '%s'", contentType)
	}
	var text bytes.Buffer
	out := multipart.NewWriter(&text)
	_ = out.SetBoundary("batchresponse_" + deriveID("batch", params["boundary"])) // clients look for the word
	reader := multipart.NewReader(body, params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			err = out.Close()
			return "multipart/mixed; boundary=" + out.Boundary(), text.String(), err //nolint:wrapcheck // the batch says that it is malformed
		}
		if err == nil {
			err = visit(part, out)
		}
		if err != nil {
			return "", "", err //nolint:wrapcheck // the batch says that it is malformed
		}
	}
}

// answerPart answers a part that is an HTTP request. Clients leave out the empty line where no body
// follows, end lines as they like, and do not all say how long the body is.
func (c *call) answerPart(part *multipart.Part, t *transaction, failed *int) (*httptest.ResponseRecorder, error) {
	data, _ := io.ReadAll(part) // its end comes with the next part
	head, body, _ := strings.Cut(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n\n")
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimSpace(head) + "\n\n")))
	if err != nil {
		return nil, fmt.Errorf("a part is not an HTTP request: %w", err)
	}
	if t != nil && (part.Header.Get("Content-ID") == "" || request.Method == http.MethodGet) {
		return nil, errors.New("a part of a change set needs a Content-ID, and cannot be a GET request")
	}
	w := httptest.NewRecorder()
	w.Header().Set("OData-Version", "4.0")
	if result, err := c.answerRequest(request, []byte(strings.TrimSpace(body)), t); err != nil {
		writeError(w, asAPIError(err))
	} else {
		result.write(w)
	}
	if w.Code >= http.StatusBadRequest {
		*failed = w.Code
	}
	return w, nil
}

// answerRequest answers a request as the batch's caller.
func (c *call) answerRequest(request *http.Request, body []byte, t *transaction) (answer, error) {
	one, who := *c, *c.caller
	one.caller, one.transaction, one.body = &who, t, body
	one.method, one.header, one.prefer = request.Method, request.Header, parsePreferences(request.Header)
	one.rebase(c.server.current.Load())
	if t != nil {
		one.rebase(t.world)
	}
	root, err := url.Parse(c.root)
	address := request.URL
	if err != nil || address.IsAbs() && address.Host != root.Host || strings.HasSuffix(address.Path, "$batch") {
		return answer{}, badURL("The address of a part must be below %s, and not a batch's.", c.root)
	}
	return one.run(strings.TrimPrefix(strings.TrimPrefix(address.EscapedPath(), root.Path), "/"), address.RawQuery)
}

// changeSet answers a change set: all of its requests take effect, or none.
func (c *call) changeSet(part *multipart.Part, out *multipart.Writer, failed *int) error {
	c.server.writing.Lock()
	defer c.server.writing.Unlock()
	t := c.server.begin()
	var refused *httptest.ResponseRecorder
	kind, body, err := eachPart(part.Header.Get("Content-Type"), part, func(inner *multipart.Part, set *multipart.Writer) error {
		if refused != nil {
			return nil
		}
		answered, err := c.answerPart(inner, t, failed)
		if err != nil {
			return err
		}
		if *failed != 0 {
			refused = answered
			return nil
		}
		return writePart(set, answered, inner.Header.Get("Content-ID"))
	})
	switch {
	case err != nil:
		return err
	case refused != nil:
		return writePart(out, refused, "") // one answer for the whole set
	}
	c.server.replace(t.world)
	w, _ := out.CreatePart(textproto.MIMEHeader{"Content-Type": {kind}}) // in memory
	_, err = io.WriteString(w, body)
	return err //nolint:wrapcheck // a buffer's
}

// writePart writes an answer as a part of a multipart body; id is its Content-ID in a change set.
func writePart(out *multipart.Writer, answered *httptest.ResponseRecorder, id string) error {
	if answered == nil {
		return nil
	}
	header := textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}}
	if id != "" {
		header.Set("Content-ID", id)
	}
	response := answered.Result()
	defer func() { _ = response.Body.Close() }()
	w, err := out.CreatePart(header)
	if err == nil {
		err = response.Write(w)
	}
	return err //nolint:wrapcheck // a buffer's
}
