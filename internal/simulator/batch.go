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

// A batch is a $batch request being answered.
type batch struct {
	call   *call
	out    bytes.Buffer
	parts  *multipart.Writer
	failed int // status of the first failure, 0 while there is none
}

// batch answers a $batch: each part in turn, change sets as a whole. Processing stops at the first
// failure, whose status is then the batch's.
func (c *call) batch() (answer, error) {
	if c.method != http.MethodPost {
		return answer{}, notAllowed(c.method, "$batch")
	}
	b := &batch{call: c}
	b.parts = multipart.NewWriter(&b.out)
	_ = b.parts.SetBoundary("batchresponse_" + deriveID("batch", string(c.body))) // clients look for the word
	err := eachPart(c.header.Get("Content-Type"), bytes.NewReader(c.body), func(part *multipart.Part) error {
		if b.failed != 0 {
			return nil
		}
		return b.part(part)
	})
	if err = errors.Join(err, b.parts.Close()); err != nil {
		return answer{}, badURL("The message is malformed: %v", err)
	}
	header := http.Header{"Content-Type": {"multipart/mixed; boundary=" + b.parts.Boundary()}}
	return answer{plain: b.out.String(), header: header, status: b.failed}, nil
}

// eachPart visits the parts of a batch or of a change set.
func eachPart(contentType string, body io.Reader, visit func(*multipart.Part) error) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" {
		return fmt.Errorf("the content type of a batch and of a change set must be multipart/mixed, it is '%s'", contentType)
	}
	reader := multipart.NewReader(body, params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = visit(part)
		}
		if err != nil {
			return err //nolint:wrapcheck // the batch says that it is malformed
		}
	}
}

func (b *batch) part(part *multipart.Part) error {
	if strings.HasPrefix(part.Header.Get("Content-Type"), "multipart/mixed") {
		return b.changeSet(part)
	}
	request, err := readRequest(part)
	if err != nil {
		return err
	}
	return writePart(b.parts, b.run(request, nil), "")
}

// readRequest reads a part that is an HTTP request. Clients leave out the empty line where no body
// follows, end lines as they like, and do not all say how long the body is.
func readRequest(part *multipart.Part) (*http.Request, error) {
	data, err := io.ReadAll(part)
	if err != nil {
		return nil, err //nolint:wrapcheck // the batch says that it is malformed
	}
	head, body, _ := strings.Cut(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n\n")
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimSpace(head) + "\n\n")))
	if err != nil {
		return nil, fmt.Errorf("a part is not an HTTP request: %w", err)
	}
	request.Body = io.NopCloser(strings.NewReader(strings.TrimSpace(body)))
	return request, nil
}

// run answers one request of the batch.
func (b *batch) run(request *http.Request, t *transaction) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("OData-Version", "4.0")
	result, err := b.answer(request, t)
	if err != nil {
		writeError(w, asAPIError(err))
	} else {
		result.write(w)
	}
	if w.Code >= http.StatusBadRequest && b.failed == 0 {
		b.failed = w.Code
	}
	return w
}

func (b *batch) answer(request *http.Request, t *transaction) (answer, error) {
	c := *b.call
	who := *b.call.caller
	c.caller, c.transaction = &who, t
	c.method, c.header, c.prefer = request.Method, request.Header, parsePreferences(request.Header)
	c.body, _ = io.ReadAll(request.Body) // it is a string
	c.rebase(c.server.current.Load())
	if t != nil {
		c.rebase(t.world)
	}
	root, err := url.Parse(c.root)
	address := request.URL
	if err != nil || address.IsAbs() && address.Host != root.Host || strings.HasSuffix(address.Path, "$batch") {
		return answer{}, badURL("The address of a part must be below %s, and not a batch's.", c.root)
	}
	path := strings.TrimPrefix(strings.TrimPrefix(address.EscapedPath(), root.Path), "/")
	return c.run(path, address.RawQuery)
}

// changeSet answers a change set: all of its requests take effect, or none.
func (b *batch) changeSet(part *multipart.Part) error {
	server := b.call.server
	server.writing.Lock()
	defer server.writing.Unlock()
	t := server.begin()
	var out bytes.Buffer
	set := multipart.NewWriter(&out)
	var refused *httptest.ResponseRecorder
	err := eachPart(part.Header.Get("Content-Type"), part, func(inner *multipart.Part) error {
		request, err := readRequest(inner)
		id := inner.Header.Get("Content-ID")
		switch {
		case err != nil:
			return err
		case id == "" || request.Method == http.MethodGet:
			return errors.New("a part of a change set needs a Content-ID, and cannot be a GET request")
		case refused != nil:
			return nil
		}
		answered := b.run(request, t)
		if b.failed != 0 {
			refused = answered
		}
		return writePart(set, answered, id)
	})
	if err = errors.Join(err, set.Close()); err != nil {
		return err
	}
	if refused != nil {
		return writePart(b.parts, refused, "") // one answer for the whole set
	}
	server.replace(t.world)
	return write(b.parts, textproto.MIMEHeader{"Content-Type": {"multipart/mixed; boundary=" + set.Boundary()}}, out.Bytes())
}

// writePart writes a recorded answer as a part of a multipart body.
func writePart(to *multipart.Writer, recorded *httptest.ResponseRecorder, id string) error {
	header := textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}}
	if id != "" {
		header.Set("Content-ID", id)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "HTTP/1.1 %d %s\r\n", recorded.Code, http.StatusText(recorded.Code))
	_ = recorded.Header().Write(&text) // into memory
	text.WriteString("\r\n" + recorded.Body.String())
	return write(to, header, text.Bytes())
}

func write(to *multipart.Writer, header textproto.MIMEHeader, body []byte) error {
	w, err := to.CreatePart(header)
	if err == nil {
		_, err = w.Write(body)
	}
	return err //nolint:wrapcheck // a buffer's
}
