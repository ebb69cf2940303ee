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

// httpPart is the content type of a part that is an HTTP request or an answer to one.
const httpPart = "application/http"

// A batch answers a $batch. It stops at the first failure, and returns its status.
type batch struct {
	*call

	failed  int    // the status of the failure
	failure string // the response to it
}

func (c *call) batch() (answer, error) {
	if c.method != http.MethodPost {
		return answer{}, notAllowed(c.method, "$batch")
	}
	b := batch{call: c}
	kind, body, err := b.parts(c.header.Get("Content-Type"), bytes.NewReader(c.body), nil)
	if err != nil {
		return answer{}, badURL("The message is malformed: %v", err)
	}
	return answer{plain: body, header: http.Header{"Content-Type": {kind}}, status: b.failed}, nil
}

// parts answers the parts of a batch or of a change set, whose call is set. It returns the content type
// and the body of the response.
func (b *batch) parts(contentType string, body io.Reader, set *call) (kind, answer string, err error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" {
		return "", "", fmt.Errorf("the content type of a batch and of a change set must be multipart/mixed, it is '%s'", contentType)
	}
	var all bytes.Buffer
	out := multipart.NewWriter(&all)
	_ = out.SetBoundary("batchresponse_" + deriveID("batch", params["boundary"])) // clients look for the word
	reader := multipart.NewReader(body, params["boundary"])
	for b.failed == 0 {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		kind, text := httpPart, ""
		switch {
		case err != nil:
		case set == nil && strings.HasPrefix(part.Header.Get("Content-Type"), "multipart/mixed"):
			kind, text, err = b.changeSet(part)
		default:
			text, err = b.request(part, set)
		}
		if err != nil {
			return "", "", err //nolint:wrapcheck // the batch says that it is malformed
		}
		header := textproto.MIMEHeader{"Content-Type": {kind}}
		if kind == httpPart {
			header.Set("Content-Transfer-Encoding", "binary")
		}
		if set != nil {
			header.Set("Content-ID", part.Header.Get("Content-ID"))
		}
		w, _ := out.CreatePart(header) // in memory
		_, _ = io.WriteString(w, text)
	}
	_ = out.Close()
	return "multipart/mixed; boundary=" + out.Boundary(), all.String(), nil
}

// changeSet answers a change set: all requests take effect, or none. Then the response is that to the
// failed request.
func (b *batch) changeSet(part *multipart.Part) (kind, text string, err error) {
	b.server.writing.Lock()
	defer b.server.writing.Unlock()
	set := b.copy(b.server.begin())
	set.private = true
	kind, text, err = b.parts(part.Header.Get("Content-Type"), part, set)
	if err != nil || b.failed != 0 {
		return httpPart, b.failure, err
	}
	b.server.replace(set.world)
	return kind, text, nil
}

// request answers a part that is an HTTP request. Some clients omit the empty line without a body,
// or the length of the body, and line endings differ.
func (b *batch) request(part *multipart.Part, set *call) (string, error) {
	data, _ := io.ReadAll(part) // its end comes with the next part
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
	if result, err := b.answer(request, []byte(strings.TrimSpace(body)), cmp.Or(set, b.copy(b.server.current.Load()))); err != nil {
		writeError(w, asAPIError(err))
	} else {
		result.write(w)
	}
	response := w.Result()
	defer func() { _ = response.Body.Close() }()
	var text bytes.Buffer
	_ = response.Write(&text)
	if w.Code >= http.StatusBadRequest {
		b.failed, b.failure = w.Code, text.String()
	}
	return text.String(), nil
}

func (b *batch) answer(request *http.Request, body []byte, c *call) (answer, error) {
	c.method, c.header, c.body, c.made = request.Method, request.Header, body, ""
	root, err := url.Parse(b.root)
	address := request.URL
	if err != nil || address.IsAbs() && address.Host != root.Host || strings.HasSuffix(address.Path, "$batch") {
		return answer{}, badURL("The address of a part must be below %s, and not a batch's.", b.root)
	}
	return c.run(strings.TrimPrefix(strings.TrimPrefix(address.EscapedPath(), root.Path), "/"), address.RawQuery)
}
