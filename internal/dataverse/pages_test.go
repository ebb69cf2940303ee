package dataverse

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestPagesAreFollowedVerbatim(t *testing.T) {
	var uris, prefer []string
	var s *fixture
	s = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		uris, prefer = append(uris, r.RequestURI), append(prefer, r.Header.Get("Prefer"))
		n := len(uris)
		link := `,"@odata.nextLink":null`
		if n < 4 {
			link = fmt.Sprintf(`,"@odata.nextLink":"%s/api/data/v9.2/roles?$select=name&$skiptoken=%%3Ccookie%%20pagenumber=%%22%d%%22%%20/%%3E"`, s.server.URL, n+1)
		}
		if n == 2 {
			_, _ = io.WriteString(w, `{"@odata.context":"x","value":[]`+link+`}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"value":[{"name":"r%d"}]%s}`, n, link)
	})
	rows, err := rowsOf(t.Context(), s.client, Collection("roles").Select("name").Request("roles"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{`{"name":"r1"}`, `{"name":"r3"}`, `{"name":"r4"}`}; !slices.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
	if want := "/api/data/v9.2/roles?$select=name&$skiptoken=%3Ccookie%20pagenumber=%223%22%20/%3E"; uris[2] != want {
		t.Errorf("third request %q, want %q", uris[2], want)
	}
	if !slices.Equal(prefer, slices.Repeat([]string{"odata.maxpagesize=5000"}, 4)) {
		t.Errorf("page sizes %v", prefer)
	}
	var pages []int
	for _, e := range s.events {
		if e.Kind == PageRead {
			pages = append(pages, e.Rows)
		}
	}
	if !slices.Equal(pages, []int{1, 0, 1, 1}) {
		t.Errorf("events of pages: %v", pages)
	}
}

func TestExpandedCollectionsAreCompleted(t *testing.T) {
	var uris []string
	var s *fixture
	s = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		uris = append(uris, r.RequestURI)
		base := s.server.URL + "/api/data/v9.2/"
		switch {
		case strings.Contains(r.RequestURI, "skiptoken=2"):
			_, _ = fmt.Fprintf(w, `{"value":[{"n":2}],"@odata.nextLink":"%steams(1)/roles?$skiptoken=3"}`, base)
		case strings.Contains(r.RequestURI, "skiptoken=3"):
			_, _ = io.WriteString(w, `{"value":[{"n":3}]}`)
		default:
			_, _ = fmt.Fprintf(w, `{"value":[
				{"id":1,"roles":[{"n":1}],"roles@odata.nextLink":"%[1]steams(1)/roles?$select=n&$skiptoken=2"},
				{"id":2,"roles":[{"n":9}],"roles@odata.nextLink":"%[1]steams(2)/roles?$select=n"},
				{"id":3,"roles":[]}]}`, base)
		}
	})
	rows, err := rowsOf(t.Context(), s.client, Collection("teams").Expand("roles", Query{}.Select("n")).Request("teams"))
	want := []string{`{"id":1,"roles":[{"n":1},{"n":2},{"n":3}]}`, `{"id":2,"roles":[{"n":9}]}`, `{"id":3,"roles":[]}`}
	if err != nil || !slices.Equal(rows, want) {
		t.Errorf("%v, %v", rows, err)
	}
	if len(uris) != 3 || uris[0] != "/api/data/v9.2/teams?$expand=roles($select=n)" {
		t.Errorf("requests %q", uris)
	}
}

func TestFullExpansionsAreReadAgain(t *testing.T) {
	var s *fixture
	inline := "[" + strings.TrimSuffix(strings.Repeat(`{"n":0},`, 5000), ",") + "]"
	s = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.RequestURI, "teams(1)/roles") {
			_, _ = io.WriteString(w, `{"value":[{"n":1},{"n":2}]}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"roles":%s,"roles@odata.nextLink":"%s/api/data/v9.2/teams(1)/roles?$select=n"}`, inline, s.server.URL)
	})
	row, err := s.client.Get(t.Context(), Row("teams", idA).Request("team"))
	if err != nil || string(row) != `{"roles":[{"n":1},{"n":2}]}` {
		t.Errorf("%.100s, %v", row, err)
	}
}

// Expansions of expansions count as pages, so that links cannot be followed forever.
func TestEndlessLinks(t *testing.T) {
	n := 0
	var s *fixture
	s = newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `{"value":[{"a":[],"a@odata.nextLink":"%s/api/data/v9.2/a?$skiptoken=%d"}]}`, s.server.URL, n)
	}, func(o *Options) { o.Limits.MaxPages = 50 })
	_, err := rowsOf(t.Context(), s.client, Collection("roles").Request("roles"))
	if e := asError(t, err); e.Kind != Protocol || n != 50 {
		t.Errorf("%v after %d pages", err, n)
	}
}

func TestBadExpansions(t *testing.T) {
	for row, says := range map[string]string{
		`{"a":[],"a@odata.nextLink":7}`:                                                 "is not a link",
		`{"a":{},"a@odata.nextLink":"https://evil.example/api/data/x?$skiptoken=1"}`:    "is not an array",
		`{"a":[],"a@odata.nextLink":"https://token-1.example/api/data/x?$skiptoken=1"}`: "leads to [redacted].example",
		`{"a":[],"a@odata.nextLink":"https://evil.example/api/data/x?%24skiptoken=1"}`:  "leads to evil.example",
		`{"a":[],"a":[],"a@odata.nextLink":"x"}`:                                        "twice",
	} {
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"value":[`+row+`]}`) })
		rows, err := rowsOf(t.Context(), s.client, Collection("roles").Request("roles"))
		if e := asError(t, err); e.Kind != Protocol || !strings.Contains(err.Error(), says) || len(rows) != 0 {
			t.Errorf("%s: %v", row, err)
		}
	}
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":1,"a@odata.nextLink":"https://elsewhere.example/x"}`)
	})
	row, err := s.client.Get(t.Context(), Row("roles", idA).Request("role"))
	if err != nil || string(row) != `{"id":1}` {
		t.Errorf("a link that need not be followed: %s, %v", row, err)
	}
}

func TestStoppedReader(t *testing.T) {
	n := 0
	var s *fixture
	s = newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `{"value":[{"a":1},{"a":2}],"@odata.nextLink":"%s/api/data/v9.2/roles?$skiptoken=%d"}`, s.server.URL, n)
	})
	for _, err := range s.client.Rows(t.Context(), Collection("roles").Request("roles")) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if n != 1 {
		t.Errorf("%d pages were read for one row", n)
	}
}

// With $count, a missing link or row is detected on the last page, which is then read again.
func TestAnnouncedRowsAreRequired(t *testing.T) {
	var s *fixture
	var faults []string
	page := func(count, link bool, rows string) string {
		text := `{"value":[` + rows + `]`
		if count {
			text += `,"@odata.count":3`
		}
		if link {
			text += `,"@odata.nextLink":"` + s.server.URL + `/api/data/v9.2/roles?$count=true&$skiptoken=2"`
		}
		return text + "}"
	}
	s = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		fault := ""
		if len(faults) > 0 {
			fault, faults = faults[0], faults[1:]
		}
		second := strings.Contains(r.RequestURI, "skiptoken")
		switch {
		case second && fault == "row":
			_, _ = io.WriteString(w, page(false, false, ``))
		case second:
			_, _ = io.WriteString(w, page(false, false, `{"n":3}`))
		case fault == "link":
			_, _ = io.WriteString(w, page(true, false, `{"n":1},{"n":2}`))
		case fault == "row":
			_, _ = io.WriteString(w, page(true, true, `{"n":1}`))
		default:
			_, _ = io.WriteString(w, page(true, true, `{"n":1},{"n":2}`))
		}
	})
	read := func(with ...string) ([]string, error) {
		faults = with
		return rowsOf(t.Context(), s.client, Collection("roles").Count().Request("roles"))
	}
	for _, with := range [][]string{nil, {"link"}, {"", "row"}, {"link", "link", "", "row", "row"}} {
		if rows, err := read(with...); err != nil || len(rows) != 3 {
			t.Errorf("%v: %v, %v", with, rows, err)
		}
	}
	if _, err := read("row"); err == nil || !strings.Contains(err.Error(), "announced 3 rows and returned 2") {
		t.Errorf("a row lost before the last page: %v", err)
	}
	if _, err := rowsOf(t.Context(), s.client, Collection("roles").Top(2).Request("")); err != nil {
		t.Errorf("$count takes no notice of $top: %v", err)
	}
	for _, c := range []struct {
		announced, came int
		ok              bool
	}{{unknownCount, 7, true}, {0, 0, true}, {5000, 5000, true}, {5000, 12345, true}, {5000, 4999, false}, {4999, 5000, false}, {3, 4, false}} {
		if err := checkRowCount(c.announced, c.came); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
