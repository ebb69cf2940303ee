package simulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A FaultKind is a way in which a response is wrong. The zero value means no fault.
type FaultKind int

// The kinds of faults. Under the first ones but FaultResetAfter and FaultSlow, the request is not
// handled; the last ones change a page of rows.
const (
	FaultNone           FaultKind = iota
	FaultStatus                   // answers with Status and a body such as Dataverse or a gateway gives
	FaultResetBefore              // drops the connection
	FaultResetAfter               // drops the connection without an answer: a write has taken effect
	FaultTruncate                 // drops the connection after half of the body
	FaultGarbage                  // answers 200 with an HTML page
	FaultGate                     // answers 403 with a page, as a firewall before the service does
	FaultSlow                     // waits for Delay
	FaultUnauthorized             // answers 401, as to a token that was revoked
	FaultRepeatNextLink           // the link to the next page is that of this page
	FaultSkipPage                 // the link to the next page is that of the page after it
	FaultDropNextLink             // the page looks like the last
	FaultLoseRow                  // the page lacks its last row
	FaultDuplicateRow             // the page has its last row twice
	FaultDropColumn               // each row of the page lacks Column, its last one if that is empty
)

// A Fault is what goes wrong with one request.
type Fault struct {
	Kind       FaultKind
	Status     int
	RetryAfter string // of FaultStatus: in seconds or as a date, "" for none
	Delay      time.Duration
	Column     string
	Chunked    bool // of FaultTruncate: the length is not known beforehand
}

// disturbed puts observation and faults in front of a handler.
func (s *Server) disturbed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.options.Observe != nil {
			s.options.Observe(r)
		}
		fault := Fault{}
		if s.options.Faults != nil {
			fault = s.options.Faults(r)
		}
		fault.serve(w, r, h, s)
	})
}

func (f Fault) serve(w http.ResponseWriter, r *http.Request, h http.Handler, s *Server) {
	switch f.Kind {
	case FaultNone:
		h.ServeHTTP(w, r)
	case FaultStatus:
		f.status(w)
	case FaultSlow:
		select {
		case <-time.After(f.Delay):
			h.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	case FaultGarbage:
		writePage(w, http.StatusOK)
	case FaultGate:
		writePage(w, http.StatusForbidden)
	case FaultUnauthorized:
		s.challenge(w)
	case FaultResetBefore:
		panic(http.ErrAbortHandler)
	case FaultResetAfter:
		h.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		recorded := httptest.NewRecorder()
		h.ServeHTTP(recorded, r)
		f.spoil(w, recorded)
	}
}

// writePage answers with a page, as a gateway in front of the service does.
func writePage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html><head><title>%d %s</title></head><body><h1>%[1]d %[2]s</h1></body></html>", status, http.StatusText(status))
}

func (f Fault) status(w http.ResponseWriter) {
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	switch f.Status {
	case http.StatusTooManyRequests:
		writeError(w, refusal(f.Status, codeThrottled, "Number of requests exceeded the limit of 6000 over time window of 300 seconds."))
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		writePage(w, f.Status)
	case http.StatusServiceUnavailable:
		writeError(w, refusal(f.Status, codeUnavailable, "The service is temporarily unavailable. Please retry later."))
	default:
		writeError(w, refusal(f.Status, codeUnexpected, "An unexpected error occurred."))
	}
}

// spoil sends a recorded response with the fault.
func (f Fault) spoil(w http.ResponseWriter, recorded *httptest.ResponseRecorder) {
	truncate := f.Kind == FaultTruncate
	body := recorded.Body.Bytes()
	if !truncate {
		body = f.page(body)
	}
	maps.Copy(w.Header(), recorded.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if f.Chunked {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(recorded.Code)
	if !truncate {
		_, _ = w.Write(body)
		return
	}
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// page changes a page of rows; any other body stays unchanged.
func (f Fault) page(body []byte) []byte {
	var page map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	_ = decoder.Decode(&page) // a page that cannot be read has no rows
	rows, ok := page["value"].([]any)
	if !ok {
		return body
	}
	const next = "@odata.nextLink"
	link, linked := page[next].(string)
	last := len(rows) - 1
	switch {
	case f.Kind == FaultDropNextLink:
		delete(page, next)
	case f.Kind == FaultRepeatNextLink && linked:
		page[next] = shiftLink(link, -1)
	case f.Kind == FaultSkipPage && linked:
		page[next] = shiftLink(link, 1)
	case last < 0:
	case f.Kind == FaultLoseRow:
		page["value"] = rows[:last]
	case f.Kind == FaultDuplicateRow:
		page["value"] = append(rows, rows[last])
	case f.Kind == FaultDropColumn:
		for _, row := range rows {
			f.dropColumn(row.(map[string]any))
		}
	}
	return encode(page)
}

// shiftLink moves a link to a page by a number of pages.
func shiftLink(link string, step int) string {
	before, after, _ := strings.Cut(link, "pagenumber=%22")
	number, rest, _ := strings.Cut(after, "%22")
	n, _ := strconv.Atoi(number)
	return before + "pagenumber=%22" + strconv.Itoa(max(1, n+step)) + "%22" + rest
}

func (f Fault) dropColumn(row map[string]any) {
	names := pick(slices.Sorted(maps.Keys(row)), func(name string) bool { return !strings.Contains(name, "@") })
	delete(row, cmp.Or(f.Column, names[len(names)-1]))
}
