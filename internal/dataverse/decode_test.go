package dataverse

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzPage compares what decodePage accepts with encoding/json.
func FuzzPage(f *testing.F) {
	for _, s := range []string{
		`{"value":[]}`, ` { "@odata.context" : "x\"]}" , "value" : [ {"a":[1,{"b":"}"}]} , {} ] , "@odata.nextLink":"https://h/api/data/v9.2/x" } `,
		`{"value":[{"a":1}`, `{"value":[{}],"value":[]}`, `{"v\u0061lue":[{}]}`, `{"value":[{"a":-1e9,"b":true,"c":null}]}x`, `[]`, `"x"`, ``, `{`, `{"value":[1]}`,
		"{\"value\":[{\"a\":\"\xff\"}]}", strings.Repeat("[", 100), `{"a":{"value":[]}}`, `{"":1,"value":[]}`, "\ufeff{\"value\":[]}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := decodePage(body, 20)
		if err != nil {
			return
		}
		var want struct {
			Value []json.RawMessage `json:"value"`
			Next  string            `json:"@odata.nextLink"`
		}
		// Exact names: encoding/json would also take "VALUE".
		var exact map[string]json.RawMessage
		if err := json.Unmarshal(body, &exact); err != nil {
			t.Fatalf("accepted what is not JSON: %q", body)
		}
		if err := json.Unmarshal(exact["value"], &want.Value); err != nil {
			t.Fatal(err)
		}
		if len(p.rows) != len(want.Value) {
			t.Fatalf("%d rows, want %d, in %q", len(p.rows), len(want.Value), body)
		}
		for i := range p.rows {
			if !bytes.Equal(p.rows[i], want.Value[i]) {
				t.Fatalf("row %d: %q, want %q", i, p.rows[i], want.Value[i])
			}
		}
		if link, ok := exact["@odata.nextLink"]; ok {
			_ = json.Unmarshal(link, &want.Next)
		}
		if p.next != want.Next {
			t.Fatalf("next %q, want %q", p.next, want.Next)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	for _, s := range []string{
		`{"error":{"code":"0x80040220","message":"is missing prvReadRole privilege"}}`, `{"error":{"code":"","message":""}}`, `{"error":"x"}`, `<html>`, ``,
		`{"error":{"code":7}}`, `{"error":{"message":"a\u001b[31m\nb"}}`, `{"error":{},"error":{}}`,
	} {
		f.Add(403, s)
	}
	f.Add(554, strings.Repeat("\x00", 1100))
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 300 || status > 599 {
			return
		}
		e := classify(reply{status: status, header: http.Header{"Req_id": {body}, "Location": {body}}, body: []byte(body)})
		for _, text := range []string{e.Error(), e.Advice(), e.MissingPrivilege(), e.MissingProperty()} {
			if strings.ContainsAny(text, "\x00\x1b\n\r\u202e") || len(text) > 6000 {
				t.Fatalf("unfit for a terminal: %q", text)
			}
		}
		if e.Kind == Unknown {
			t.Fatalf("%d is not classified", status)
		}
	})
}

func TestParseChallenge(t *testing.T) {
	for header, want := range map[string]Challenge{
		"Bearer authorization_uri=https://login.microsoftonline.com/t/oauth2/authorize, resource_id=https://x.crm.dynamics.com/": {
			AuthorizationURI: "https://login.microsoftonline.com/t/oauth2/authorize",
		},
		"Bearer authorization_uri=https://login.microsoftonline.com/t/oauth2/authorize resource_id=https://x/": {
			AuthorizationURI: "https://login.microsoftonline.com/t/oauth2/authorize",
		},
		`bearer realm="", authorization_uri="https://a/b\"c", error="insufficient_claims", claims="eyJhIjoxfQ"`: {
			AuthorizationURI: `https://a/b"c`, Claims: `{"a":1}`, Insufficient: true,
		},
		`Bearer claims="eyJhIjoxfQ=="`:  {Claims: `{"a":1}`},
		`Bearer claims="not base64"`:    {},
		`Bearer claims="WzFd"`:          {}, // [1]
		`Basic authorization_uri=x`:     {},
		"Bearer":                        {},
		`Bearer authorization_uri="cut`: {AuthorizationURI: "cut"},
		"":                              {},
	} {
		if got := ParseChallenge(header); got != want {
			t.Errorf("%q: %+v, want %+v", header, got, want)
		}
	}
	if got := ParseChallenge("Basic x", "Bearer authorization_uri=y"); got.AuthorizationURI != "y" {
		t.Errorf("the second header counts as well: %+v", got)
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer authorization_uri="https://a/b", claims="eyJhIjoxfQ=="`)
	f.Add(`Bearer a="\`)
	f.Add("Bearer =,= \t=")
	f.Fuzz(func(t *testing.T, header string) {
		if c := ParseChallenge(header); c.Claims != "" && !json.Valid([]byte(c.Claims)) {
			t.Fatalf("%q gives claims %q", header, c.Claims)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "30", "-1", "1.5", "99999999999999999999999", "9223372036854775807", "9223372036", "Sun, 01 Mar 2026 12:00:07 GMT", "Sunday, 01-Mar-26 12:00:07 GMT", "tomorrow"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if d := RetryAfter(http.Header{"Retry-After": {s}}, now); d < 0 {
			t.Fatalf("%q gives %v", s, d)
		}
	})
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"": 0, "0": 0, " 30 ": 30 * time.Second, "-1": 0, "1.5": 0, "soon": 0, "9223372036854775807": 1<<63 - 1, "99999999999999999999999": 1<<63 - 1,
		"Sun, 01 Mar 2026 12:00:07 GMT": 7 * time.Second, "Sun, 01 Mar 2026 11:00:07 GMT": 0,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {s}}, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestParseGUID(t *testing.T) {
	for in, want := range map[string]GUID{
		"AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee": idB, string(idA): idA,
		"": "", "{11111111-2222-3333-4444-555555555555}": "", "11111111222233334444555555555555": "", "11111111-2222-3333-4444-55555555555g": "",
		"11111111-2222-3333-4444_555555555555": "", "11111111-2222-3333-4444-555555555555 ": "",
	} {
		if got, err := ParseGUID(in); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	var row struct {
		ID    GUID  `json:"id"`
		Other *GUID `json:"other"`
	}
	if err := json.Unmarshal([]byte(`{"id":"AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee","other":null}`), &row); err != nil || row.ID != idB || row.Other != nil {
		t.Errorf("%+v, %v", row, err)
	}
	if err := json.Unmarshal([]byte(`{"id":"x"}`), &row); err == nil {
		t.Error("an invalid id was accepted")
	}
	if !GUID("").IsZero() || !GUID("00000000-0000-0000-0000-000000000000").IsZero() || idA.IsZero() {
		t.Error("zero ids")
	}
}
