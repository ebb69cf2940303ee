package simulator

import (
	"bufio"
	"bytes"
	"cmp"
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

// httpPart is the content type of a part that is an HTTP request or response.
const httpPart = "application/http"

// A batch carries out the requests of a $batch. It stops at the first failure, and has its status.
type batch struct {
	*call

	failedStatus   int    // 0 if no request failed
	failedResponse string // the HTTP response to the failed request
}

func (c *call) batch() (response, error) {
	if c.method != http.MethodPost {
		return response{}, methodNotAllowed(c.method, "$batch")
	}
	b := batch{call: c}
	contentType, body, err := b.handleParts(c.header.Get("Content-Type"), bytes.NewReader(c.body), nil)
	if err != nil {
		return response{}, badURL("The message is malformed: %v", err)
	}
	return response{text: body, header: http.Header{"Content-Type": {contentType}}, status: b.failedStatus}, nil
}

// handleParts carries out the parts of a batch or, if set is not nil, of a change set. It returns the
// content type and the body of the response.
func (b *batch) handleParts(contentType string, body io.Reader, set *call) (responseType, responseBody string, err error) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/mixed" {
		return "", "", fmt.Errorf("the content type of a batch and of a change set must be multipart/mixed, it is '%s'", contentType)
	}
	var buffer bytes.Buffer
	out := multipart.NewWriter(&buffer)
	_ = out.SetBoundary("batchresponse_" + deriveID("batch", params["boundary"])) // clients look for batchresponse
	reader := multipart.NewReader(body, params["boundary"])
	for b.failedStatus == 0 {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		partType, text := httpPart, ""
		switch {
		case err != nil:
		case set == nil && strings.HasPrefix(part.Header.Get("Content-Type"), "multipart/mixed"):
			partType, text, err = b.handleChangeSet(part)
		default:
			text, err = b.handleRequest(part, set)
		}
		if err != nil {
			return "", "", err //nolint:wrapcheck // the caller adds that the batch is malformed
		}
		header := textproto.MIMEHeader{"Content-Type": {partType}}
		if partType == httpPart {
			header.Set("Content-Transfer-Encoding", "binary")
		}
		if set != nil {
			header.Set("Content-ID", part.Header.Get("Content-ID"))
		}
		w, _ := out.CreatePart(header) // a buffer does not fail
		_, _ = io.WriteString(w, text)
	}
	_ = out.Close()
	return "multipart/mixed; boundary=" + out.Boundary(), buffer.String(), nil
}

// handleChangeSet carries out all requests of a change set, or none. If one fails, the response is the one
// to the failed request.
func (b *batch) handleChangeSet(part *multipart.Part) (partType, text string, err error) {
	b.server.writeMu.Lock()
	defer b.server.writeMu.Unlock()
	set := b.withDatabase(b.server.draft())
	set.inChangeSet = true
	partType, text, err = b.handleParts(part.Header.Get("Content-Type"), part, set)
	if err != nil || b.failedStatus != 0 {
		return httpPart, b.failedResponse, err
	}
	b.server.setCurrent(set.db)
	return partType, text, nil
}

// handleRequest carries out a part that is an HTTP request. Some clients omit the empty line of a request
// without a body, or the length of the body, and line endings differ.
func (b *batch) handleRequest(part *multipart.Part, set *call) (string, error) {
	data, _ := io.ReadAll(part) // reading the next part fails if this one is incomplete
	head, body, _ := strings.Cut(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n\n")
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimSpace(head) + "\n\n")))
	if err != nil {
		return "", fmt.Errorf("a part is not an HTTP request: %w", err)
	}
	if set != nil && (part.Header.Get("Content-ID") == "" || request.Method == http.MethodGet) {
		return "", errors.New("a part of a change set needs a Content-ID, and cannot be a GET request")
	}
	w := httptest.NewRecorder()
	w.Header().Set("OData-Version", "4.0")
	c := cmp.Or(set, b.withDatabase(b.server.current.Load()))
	if result, err := b.dispatchPart(request, []byte(strings.TrimSpace(body)), c); err != nil {
		writeError(w, toAPIError(err))
	} else {
		result.write(w)
	}
	response := w.Result()
	defer func() { _ = response.Body.Close() }()
	var text bytes.Buffer
	_ = response.Write(&text)
	if w.Code >= http.StatusBadRequest {
		b.failedStatus, b.failedResponse = w.Code, text.String()
	}
	return text.String(), nil
}

func (b *batch) dispatchPart(request *http.Request, body []byte, c *call) (response, error) {
	c.method, c.header, c.body, c.createdID = request.Method, request.Header, body, ""
	root, err := url.Parse(b.serviceRoot)
	address := request.URL
	if err != nil || address.IsAbs() && address.Host != root.Host || strings.HasSuffix(address.Path, "$batch") {
		return response{}, badURL("The address of a part must be below %s, and not a batch's.", b.serviceRoot)
	}
	return c.dispatch(strings.TrimPrefix(strings.TrimPrefix(address.EscapedPath(), root.Path), "/"), address.RawQuery)
}
