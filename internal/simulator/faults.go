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

// The kinds of faults. The kinds from FaultRepeatNextLink on change a page of rows.
const (
	FaultNone           FaultKind = iota
	FaultStatus                   // answers with Status and the body of Dataverse or of a gateway, instead of handling the request
	FaultResetBefore              // drops the connection before handling the request
	FaultResetAfter               // drops the connection after handling the request: a write has taken effect
	FaultTruncate                 // drops the connection after half of the body
	FaultGarbage                  // answers 200 with an HTML page, instead of handling the request
	FaultFirewall                 // answers 403 with an HTML page, as a firewall does, instead of handling the request
	FaultSlow                     // handles the request after Delay
	FaultUnauthorized             // answers 401, as to a revoked token, instead of handling the request
	FaultRepeatNextLink           // the link to the next page leads to this page
	FaultSkipPage                 // the link to the next page leads to the page after it
	FaultDropNextLink             // the page has no link, so that it looks like the last
	FaultLoseRow                  // the page lacks its last row
	FaultDuplicateRow             // the page has its last row twice
	FaultDropColumn               // the rows of the page lack Column, or their last column if Column is empty
)

// A Fault says what goes wrong with one request.
type Fault struct {
	Kind       FaultKind
	Status     int
	RetryAfter string // for FaultStatus: seconds or a date, or "" for no header
	Delay      time.Duration
	Column     string
	Chunked    bool // for FaultTruncate: the response has no Content-Length
}

func (s *Server) withFaults(h http.Handler) http.Handler {
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
		f.writeStatus(w)
	case FaultSlow:
		select {
		case <-time.After(f.Delay):
			h.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	case FaultGarbage:
		writePage(w, http.StatusOK)
	case FaultFirewall:
		writePage(w, http.StatusForbidden)
	case FaultUnauthorized:
		s.writeChallenge(w)
	case FaultResetBefore:
		panic(http.ErrAbortHandler)
	case FaultResetAfter:
		h.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		f.writeModified(w, recorder)
	}
}

// writePage answers with an HTML page, as a gateway in front of the service does.
func writePage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html><head><title>%d %s</title></head><body><h1>%[1]d %[2]s</h1></body></html>", status, http.StatusText(status))
}

func (f Fault) writeStatus(w http.ResponseWriter) {
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	switch f.Status {
	case http.StatusTooManyRequests:
		writeError(w, newAPIError(f.Status, codeThrottled, "Number of requests exceeded the limit of 6000 over time window of 300 seconds."))
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		writePage(w, f.Status)
	case http.StatusServiceUnavailable:
		writeError(w, newAPIError(f.Status, codeUnavailable, "The service is temporarily unavailable. Please retry later."))
	default:
		writeError(w, newAPIError(f.Status, codeUnexpected, "An unexpected error occurred."))
	}
}

func (f Fault) writeModified(w http.ResponseWriter, response *httptest.ResponseRecorder) {
	truncate := f.Kind == FaultTruncate
	body := response.Body.Bytes()
	if !truncate {
		body = f.modifyPage(body)
	}
	maps.Copy(w.Header(), response.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if f.Chunked {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(response.Code)
	if !truncate {
		_, _ = w.Write(body)
		return
	}
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// modifyPage returns a page of rows with the fault, and any other body unchanged.
func (f Fault) modifyPage(body []byte) []byte {
	var page map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	_ = decoder.Decode(&page) // after an error there are no rows
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

// shiftLink returns a link to a page that leads a number of pages further, or back.
func shiftLink(link string, step int) string {
	before, after, _ := strings.Cut(link, "pagenumber=%22")
	number, rest, _ := strings.Cut(after, "%22")
	n, _ := strconv.Atoi(number)
	return before + "pagenumber=%22" + strconv.Itoa(max(1, n+step)) + "%22" + rest
}

func (f Fault) dropColumn(row map[string]any) {
	names := filterSlice(slices.Sorted(maps.Keys(row)), func(name string) bool { return !strings.Contains(name, "@") })
	delete(row, cmp.Or(f.Column, names[len(names)-1]))
}
