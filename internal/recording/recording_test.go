package recording_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

const (
	host = "https://fabrikam.crm4.dynamics.com"
	api  = "/api/data/v9.2/"
	jane = "aaaaaaaa-1111-4222-8333-444444444444"
	kim  = "BBBBBBBB-1111-4222-8333-444444444444"
)

// A cannedServer is a transport with the responses to each address, in order. It fails for a response with the
// status 0.
type cannedServer map[string][]cannedResponse

type cannedResponse struct {
	status int
	body   string
}

func (w cannedServer) RoundTrip(r *http.Request) (*http.Response, error) {
	list := w[r.URL.RequestURI()]
	if len(list) == 0 || list[0].status == 0 {
		return nil, fmt.Errorf("no response to %s", r.URL)
	}
	w[r.URL.RequestURI()] = list[1:]
	return &http.Response{
		StatusCode: list[0].status, Body: io.NopCloser(strings.NewReader(list[0].body)),
		Header: http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"session=cookie-of-fabrikam"}, "Req_id": {"secret-header"}},
	}, nil
}

// record sends requests to the addresses in order, and returns their recording.
func record(t testing.TB, w cannedServer, header recording.Header, addresses ...string) []byte {
	t.Helper()
	r := recording.NewRecorder(header)
	transport := r.Wrap(w)
	for _, address := range addresses {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer secret-token")
		request.Header.Set("CallerObjectId", kim)
		response, err := transport.RoundTrip(request)
		if err != nil {
			continue
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A line is an exchange of a recording.
type line struct {
	Address string
	As      map[string]string
	Status  int
	Body    json.RawMessage
	Broken  bool
}

// lines decodes a recording.
func lines(t testing.TB, data []byte) (recording.Header, []line) {
	t.Helper()
	var header recording.Header
	var list []line
	for i, text := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		into := any(&header)
		if i > 0 {
			list = append(list, line{})
			into = &list[i-1]
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	return header, list
}

func TestAnonymize(t *testing.T) {
	first := api + "systemusers?$filter=fullname%20eq%20%27Jane%20O%27%27Brien%27%20and%20systemuserid%20eq%20" + jane
	next := api + "systemusers?$select=fullname&$skiptoken=%3Ccookie%20last%3D%22Jane%20O%27Brien%22%20%2F%3E"
	w := cannedServer{
		first: {{200, `{"@odata.context":"` + host + api + `$metadata#systemusers","value":[
			{"@odata.etag":"W/\"42\"","systemuserid":"` + jane + `","fullname":"Jane O'Brien","domainname":"jane@fabrikam.com","isdisabled":true,"isdisabled":false,
			 "_businessunitid_value@OData.Community.Display.V1.FormattedValue":"Fabrikam Sales","mobile":"+49 170 1234567","site@OData.Community.Display.V1.FormattedValue":"https://x.example/secret","returnedtypecode":"account","principaltypecode":"team","AccessMask":"ReadAccess, ShareAccess","createdon":"2026-01-02T03:04:05Z",
			 "roletemplateid":"627090ff-40a3-4053-8790-584edc5be201","version":"9.2.1","depth":8,"note":null,
			 "iscustomizable":{"Value":true,"ManagedPropertyLogicalName":"iscustomizableanddeletable"},
			 "orgdborgsettings":"<OrgSettings><EnableOwnershipAcrossBusinessUnits>true</EnableOwnershipAcrossBusinessUnits><Mail>boss@fabrikam.com</Mail></OrgSettings>"}],
			"@odata.nextLink":"` + host + next + `"}`}},
		next: {{200, `{"value":[{"systemuserid":"` + strings.ToLower(kim) + `","fullname":"Kim Demandbase Bot","objectid":"` + strings.ToUpper(jane) + `"}]}`}},
		api + "WhoAmI": {{403, `{"error":{"code":"0x80048306","message":"Principal user (Id=` + jane + `, type=8, roleCount=1, privilegeCount=19, accessMode=4) named Jane of Fabrikam ` +
			`is missing prvReadUser privilege (Id=` + kim + `) on OTC=8 for entity 'systemuser' (LocalizedName='Le secret d'atelier'). context.Caller=` + jane + `. Write to jane@fabrikam.com."}}`}},
		api + "EntityDefinitions": {{200, `{"value":[{"LogicalName":"systemuser","OwnershipType":"BusinessOwned","EntitySetName":"systemusers","LogicalCollectionName":"systemusers",
			"Attributes":[{"AttributeType":"Uniqueidentifier"}],"DisplayName":{"LocalizedLabels":[{"Label":"Atelier"}]}},
			{"OwnershipType":"of Fabrikam","EntitySetName":"new_fabrikams","LogicalCollectionName":"new_secrets","Attributes":[{"AttributeType":"a secret"}]}]}`}},
	}
	data := record(t, w, recording.Header{
		Command: "scan", Pattern: "demandbase",
		Requirement: snapshot.Requirement{Profile: "demandbase", User: "Jane@fabrikam.com", Role: "Fabrikam Role"},
	}, first, next, api+"WhoAmI", api+"EntityDefinitions")
	for _, word := range []string{
		"jane", "brien", "kim", "fabrikam", "sales", "boss", "170", "secret", "cookie", "aaaaaaaa", "bbbbbbbb", "%3C", "atelier", "new_",
	} {
		if strings.Contains(strings.ToLower(string(data)), strings.ToLower(word)) {
			t.Errorf("the recording contains %q:\n%s", word, data)
		}
	}
	for _, word := range []string{
		"prvReadUser", "0x80048306", "is missing", "'systemuser'", `"isdisabled":true,"isdisabled":false`, `"depth":8`, "627090ff-40a3-4053-8790-584edc5be201",
		`"returnedtypecode":"account","principaltypecode":"team","AccessMask":"ReadAccess, ShareAccess"`, "2026-01-02T03:04:05Z", `<EnableOwnershipAcrossBusinessUnits>true<`, " demandbase", `W/\"42\"`, `"note":null`,
		`"ManagedPropertyLogicalName":"iscustomizableanddeletable"`,
		"type=8, roleCount=1, privilegeCount=19, accessMode=4)", "(LocalizedName='", "). context.Caller=",
		`"OwnershipType":"BusinessOwned","EntitySetName":"systemusers","LogicalCollectionName":"systemusers"`, `"AttributeType":"Uniqueidentifier"`,
	} {
		if !strings.Contains(string(data), word) {
			t.Errorf("the recording does not contain %q:\n%s", word, data)
		}
	}
	header, list := lines(t, data)
	var page, rest struct {
		Value []struct{ SystemUserID, ObjectID, FullName, DomainName string }
	}
	for i, into := range []any{&page, &rest} {
		if err := json.Unmarshal(list[i].Body, into); err != nil {
			t.Fatal(err)
		}
	}
	one, two := page.Value[0], rest.Value[0]
	if !strings.Contains(list[0].Address, "'"+one.FullName+"'") || !strings.HasSuffix(list[0].Address, one.SystemUserID) ||
		two.ObjectID != one.SystemUserID || list[0].As["CallerObjectId"] != two.SystemUserID || header.Requirement.User != one.DomainName {
		t.Errorf("an id or a name has several replacements:\n%s", data)
	}

	// A replay serves the pages of the environment.
	replayer, err := recording.NewReplayer(data)
	if err != nil {
		t.Fatal(err)
	}
	got, status := get(t, replayer, "/api/data/"+list[0].Address, two.SystemUserID)
	var link struct {
		Next string `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal([]byte(got), &link); err != nil || status != 200 {
		t.Fatalf("%d %s", status, got)
	}
	address, ok := strings.CutPrefix(link.Next, "https://replay.example")
	if !ok {
		t.Fatalf("the next page is at %s", link.Next)
	}
	if got, status := get(t, replayer, address, two.SystemUserID); status != 200 || !strings.Contains(got, two.FullName) {
		t.Errorf("the next page: %d %s", status, got)
	}
}

func get(t *testing.T, h http.Handler, address, as string) (body string, status int) {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "https://replay.example"+strings.NewReplacer(" ", "%20", `"`, "%22").Replace(address), nil)
	request.Header.Set("Authorization", "Bearer any")
	if as != "" {
		request.Header.Set("CallerObjectId", as)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request)
	return w.Body.String(), w.Code
}

// TestLinksStayRelative checks that a replay of pages whose links are relative, or name $skiptoken in another
// case, serves the next page, and that the recording does not contain the tokens.
func TestLinksStayRelative(t *testing.T) {
	const second = api + "systemusers?$SkipToken=secret"
	for _, link := range []string{"systemusers?$SkipToken=secret", "./systemusers?%24SkipToken=secret", second, host + second} {
		w := cannedServer{
			api + "systemusers": {{200, `{"value":[],"@odata.nextLink":"` + link + `"}`}},
			second:              {{200, `{"value":[{"fullname":null}]}`}},
		}
		data := record(t, w, recording.Header{}, api+"systemusers", second)
		replayer, err := recording.NewReplayer(data)
		if err != nil {
			t.Fatal(err)
		}
		_, list := lines(t, data)
		var page struct {
			Next string `json:"@odata.nextLink"`
		}
		first, _ := get(t, replayer, api+"systemusers", list[0].As["CallerObjectId"])
		if err := json.Unmarshal([]byte(first), &page); err != nil {
			t.Fatal(err)
		}
		base, err := url.Parse("https://replay.example" + api + "systemusers")
		if err != nil {
			t.Fatal(err)
		}
		next, err := base.Parse(page.Next)
		if err != nil {
			t.Fatal(err)
		}
		if got, status := get(t, replayer, next.RequestURI(), list[0].As["CallerObjectId"]); status != 200 || !strings.Contains(got, "fullname") || strings.Contains(string(data), "secret") {
			t.Errorf("the page after %s: %d %s\n%s", link, status, got, data)
		}
	}
}

// TestOrderOfNames checks with random names that their replacements have the same order, and are equal for equal
// names.
func TestOrderOfNames(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		names := rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[A-Za-z@' äß]{1,20}`), rapid.String()), 2, 30).Draw(r, "names")
		body, err := json.Marshal(map[string]any{"value": names})
		if err != nil {
			r.Fatal(err)
		}
		_, list := lines(t, record(t, cannedServer{api + "x": {{200, string(body)}}}, recording.Header{Pattern: "base"}, api+"x"))
		var before, after struct{ Value []string }
		if err := json.Unmarshal(body, &before); err != nil {
			r.Fatal(err)
		}
		if err := json.Unmarshal(list[0].Body, &after); err != nil {
			r.Fatal(err)
		}
		first := map[string]string{} // the first spelling of a name in order
		for _, a := range before.Value {
			if b, seen := first[strings.ToLower(a)]; !seen || a < b {
				first[strings.ToLower(a)] = a
			}
		}
		stays := func(i int) bool { return before.Value[i] == after.Value[i] } // a number, or empty
		for i, a := range before.Value {
			if stays(i) {
				continue
			}
			if n := utf8.RuneCountInString(a); n > 20 && utf8.RuneCountInString(after.Value[i]) != n && !strings.Contains(a, "@") {
				r.Errorf("the replacement of %q is %q", a, after.Value[i])
			}
			for j, b := range before.Value {
				if (strings.ToLower(a) == strings.ToLower(b)) != (after.Value[i] == after.Value[j]) {
					r.Errorf("the replacements of %q and %q are %q and %q", a, b, after.Value[i], after.Value[j])
				}
				if !stays(j) && first[strings.ToLower(a)] < first[strings.ToLower(b)] && after.Value[i] >= after.Value[j] {
					r.Errorf("%q is before %q, but %q is after %q", a, b, after.Value[i], after.Value[j])
				}
			}
		}
	})
}

func TestReplay(t *testing.T) {
	w := cannedServer{
		api + "again":  {{503, `{"error":{"code":"0x1","message":"later"}}`}, {200, `{"n":1}`}, {200, `{"n":2}`}},
		api + "page":   {{502, "<html>Fabrikam's gateway</html>"}},
		api + "silent": {{}},
	}
	data := record(t, w, recording.Header{}, api+"again", api+"again", api+"again", api+"page", api+"silent")
	if strings.Contains(string(data), "gateway") {
		t.Errorf("the recording contains the HTML page:\n%s", data)
	}
	replayer, err := recording.NewReplayer(data)
	if err != nil {
		t.Fatal(err)
	}
	as := strings.ToLower(func() string { _, list := lines(t, data); return list[0].As["CallerObjectId"] }())
	for i, want := range []string{"later", `{"n":1}`, `{"n":2}`, `{"n":2}`} {
		if got, _ := get(t, replayer, api+"again", as); !strings.Contains(got, want) {
			t.Errorf("response %d is %s, want %s", i+1, got, want)
		}
	}
	if got, status := get(t, replayer, api+"page", as); status != 502 || json.Valid([]byte(got)) {
		t.Errorf("the HTML page: %d %s", status, got)
	}
	for name, address := range map[string]string{"an address": api + "other", "another caller": api + "again"} {
		got, status := get(t, replayer, address, "")
		var refusal struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal([]byte(got), &refusal); err != nil || status != 400 || !strings.Contains(refusal.Error.Message, "was not recorded") {
			t.Errorf("%s that was not recorded: %d %s", name, status, got)
		}
	}
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
			t.Error("the replay answers a request that had no response")
		}
	}()
	get(t, replayer, api+"silent", as)
}

func TestReplayRefusesOtherFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "this is empty, not a recording",
		"x":                                "line 1 is not a line of a recording",
		"[]\n{}":                           "line 1 is not a line of a recording",
		`{"format":"dbaudit.snapshot/v1"}`: `this is "dbaudit.snapshot/v1", not a recording`,
		`{"format":"dbaudit.recording/v1"}` + "\n{\"methud\":1}": "line 2 is not a line of a recording",
		`{"format":"dbaudit.recording/v1"}` + "\n{}\n}":          "line 3 is not a line of a recording",
		`{"format":"dbaudit.recording/v1"}` + "\n{\"status\":20": "line 2 is not a line of a recording",
		"}": "line 1 is not a line of a recording",
	} {
		if _, err := recording.NewReplayer([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRecordingSizeLimit(t *testing.T) {
	large := `"` + strings.Repeat("x", 40<<20) + `"`
	w := cannedServer{api + "a": {{200, large}}, api + "b": {{200, large}}, api + "c": {{200, "{}"}}}
	header, list := lines(t, record(t, w, recording.Header{}, api+"a", api+"b", api+"c"))
	if !header.Truncated || len(list) != 2 {
		t.Errorf("truncated is %v, with %d exchanges", header.Truncated, len(list))
	}
	if slices.ContainsFunc(list, func(l line) bool { return l.Address == "v9.2/c" }) {
		t.Error("the recording contains an exchange after the limit")
	}
}
