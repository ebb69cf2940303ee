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

// maxBatch is the most requests that a batch may have.
const maxBatch = 1000

// A batch is a $batch request being answered.
type batch struct {
	call   *call
	parts  *multipart.Writer
	count  int
	failed int // status of the first failure, 0 while there is none
}

// batch answers a $batch: each part in turn, change sets as a whole. Processing stops at the first
// failure, whose status is then the batch's, unless the request prefers to continue.
func (c *call) batch() (answer, error) {
	if c.method != http.MethodPost {
		return answer{}, notAllowed(c.method, "$batch")
	}
	reader, err := multipartReader(c.header.Get("Content-Type"), bytes.NewReader(c.body))
	if err != nil {
		return answer{}, err
	}
	var out bytes.Buffer
	b := &batch{call: c, parts: multipart.NewWriter(&out)}
	if err := b.parts.SetBoundary("batchresponse_" + deriveID("batch", string(c.body))); err != nil {
		return answer{}, fmt.Errorf("writing a batch: %w", err)
	}
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return answer{}, badURL("The message is malformed: %v", err)
		}
		if err := b.part(part); err != nil {
			return answer{}, err
		}
		if b.failed != 0 && !c.prefer.continueOnError {
			break
		}
	}
	if err := b.parts.Close(); err != nil {
		return answer{}, fmt.Errorf("writing a batch: %w", err)
	}
	result := answer{plain: out.String(), header: http.Header{"Content-Type": {"multipart/mixed; boundary=" + b.parts.Boundary()}}}
	if b.failed != 0 && !c.prefer.continueOnError {
		result.status = b.failed
	}
	return result, nil
}

func multipartReader(contentType string, body io.Reader) (*multipart.Reader, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" || params["boundary"] == "" {
		return nil, badURL("The content type of a batch and of a change set must be multipart/mixed, with a boundary.")
	}
	return multipart.NewReader(body, params["boundary"]), nil
}

func (b *batch) part(part *multipart.Part) error {
	if strings.HasPrefix(part.Header.Get("Content-Type"), "multipart/mixed") {
		return b.changeSet(part)
	}
	request, err := b.request(part)
	if err != nil {
		return err
	}
	recorded := b.run(request, nil)
	if recorded.Code >= http.StatusBadRequest && b.failed == 0 {
		b.failed = recorded.Code
	}
	return writePart(b.parts, recorded, "")
}

// request reads a part that is an HTTP request.
func (b *batch) request(part *multipart.Part) (*http.Request, error) {
	if b.count++; b.count > maxBatch {
		return nil, badURL("The current batch message contains more than %d operations.", maxBatch)
	}
	if part.Header.Get("Content-Type") != "application/http" {
		return nil, badURL("The content type of a part must be application/http, it is '%s'.", part.Header.Get("Content-Type"))
	}
	data, err := io.ReadAll(part)
	if err != nil {
		return nil, badURL("The message is malformed: %v", err)
	}
	head, body := splitRequest(data)
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) > 64<<10 {
		return nil, badURL("The address of a part is longer than 64 KB.")
	}
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(head, "\r\n\r\n"...))))
	if err != nil {
		return nil, &apiError{http.StatusBadRequest, codeBadRequest, fmt.Sprintf("Error identified in Payload provided by the user: a part is no HTTP request: %v", err)}
	}
	switch length := request.ContentLength; {
	case length <= 0:
		body = bytes.TrimSpace(body)
	case length > int64(len(body)):
		return nil, &apiError{http.StatusBadRequest, codeBadRequest, "Error identified in Payload provided by the user: the body of a part is shorter than its Content-Length."}
	default:
		body = body[:length]
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	return request, nil
}

// splitRequest parts the text of a request. Clients leave out the empty line where no
// body follows, and end lines as they like.
func splitRequest(data []byte) (head, body []byte) {
	end, skip := len(data), 0
	for _, empty := range []string{"\r\n\r\n", "\n\n"} {
		if at := bytes.Index(data, []byte(empty)); at >= 0 && at < end {
			end, skip = at, len(empty)
		}
	}
	return bytes.TrimRight(bytes.Clone(data[:end]), "\r\n"), data[end+skip:]
}

// run answers one request of the batch.
func (b *batch) run(request *http.Request, t *transaction) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("OData-Version", "4.0")
	result, err := b.answer(request, t)
	if err != nil {
		writeError(w, asAPIError(err))
		return w
	}
	result.write(w)
	return w
}

func (b *batch) answer(request *http.Request, t *transaction) (answer, error) {
	parent := b.call
	c := *parent
	who := *parent.caller
	c.caller, c.transaction = &who, t
	c.method, c.header, c.prefer = request.Method, request.Header, parsePreferences(request.Header)
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return answer{}, badRequest("The body of a part cannot be read: %v", err)
	}
	c.body = body
	if t == nil {
		c.rebase(c.server.current.Load())
	} else {
		c.rebase(t.world)
	}
	address := request.URL
	path := address.EscapedPath()
	if address.IsAbs() && address.Scheme+"://"+address.Host != c.origin {
		return answer{}, badURL("The address of a part leads to another host.")
	}
	root, err := url.Parse(c.root)
	if err != nil {
		return answer{}, fmt.Errorf("reading the service's address: %w", err)
	}
	rest, ok := strings.CutPrefix(path, root.Path)
	if !ok {
		rest = strings.TrimPrefix(path, "/")
	}
	if rest == "$batch" {
		return answer{}, badURL("A batch cannot be part of a batch.")
	}
	return c.run(rest, address.RawQuery)
}

// changeSet answers a change set: all of its requests take effect, or none.
func (b *batch) changeSet(part *multipart.Part) error {
	reader, err := multipartReader(part.Header.Get("Content-Type"), part)
	if err != nil {
		return err
	}
	type step struct {
		request *http.Request
		id      string
	}
	var steps []step
	for {
		inner, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return badURL("The message is malformed: %v", err)
		}
		request, err := b.request(inner)
		if err != nil {
			return err
		}
		id := inner.Header.Get("Content-ID")
		if id == "" {
			return badURL("The Content-ID header is missing in a part of a change set.")
		}
		if request.Method == http.MethodGet {
			return badURL("A GET request cannot be part of a change set.")
		}
		steps = append(steps, step{request, id})
	}
	server := b.call.server
	server.writing.Lock()
	defer server.writing.Unlock()
	t := server.begin()
	var out bytes.Buffer
	set := multipart.NewWriter(&out)
	for _, s := range steps {
		recorded := b.run(s.request, t)
		if recorded.Code >= http.StatusBadRequest {
			if b.failed == 0 {
				b.failed = recorded.Code
			}
			return writePart(b.parts, recorded, s.id) // one answer for the whole set
		}
		if err := writePart(set, recorded, s.id); err != nil {
			return err
		}
	}
	if err := set.Close(); err != nil {
		return fmt.Errorf("writing a change set: %w", err)
	}
	server.replace(t.env)
	w, err := b.parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"multipart/mixed; boundary=" + set.Boundary()}})
	if err != nil {
		return fmt.Errorf("writing a change set: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err //nolint:wrapcheck // a buffer's
}

// writePart writes a recorded answer as a part of a multipart body.
func writePart(to *multipart.Writer, recorded *httptest.ResponseRecorder, id string) error {
	header := textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}}
	if id != "" {
		header.Set("Content-ID", id)
	}
	w, err := to.CreatePart(header)
	if err != nil {
		return fmt.Errorf("writing a part: %w", err)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "HTTP/1.1 %d %s\r\n", recorded.Code, http.StatusText(recorded.Code))
	if err := recorded.Header().Write(&text); err != nil {
		return fmt.Errorf("writing a part: %w", err)
	}
	text.WriteString("\r\n")
	text.Write(recorded.Body.Bytes())
	_, err = w.Write(text.Bytes())
	return err //nolint:wrapcheck // a buffer's
}
