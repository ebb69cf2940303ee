package simulator_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// batchBody returns the body of a batch or a change set with parts.
func batchBody(boundary string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\n%s\r\n", boundary, p)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return b.String()
}

func getPart(path string) string {
	return "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET /api/data/v9.2/" + path + " HTTP/1.1\r\nAccept: application/json\r\n\r\n"
}

func writePart(id, method, path, body string) string {
	return "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: " + id + "\r\n\r\n" +
		method + " /api/data/v9.2/" + path + " HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body + "\r\n"
}

// batch sends a batch. If host is not empty, it is the request's Host header.
func (c *client) batch(t *testing.T, host, body string) response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.server.URL()+"/api/data/v9.2/$batch", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	request.Header = c.header.Clone()
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", `multipart/mixed; boundary="batch_1"`)
	reply, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var data bytes.Buffer
	if _, err := data.ReadFrom(reply.Body); err != nil {
		t.Fatal(err)
	}
	return response{status: reply.StatusCode, header: reply.Header, body: data.Bytes()}
}

func TestBatch(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "compliant")
	reads := batchBody("batch_1", getPart("WhoAmI"), getPart("roles?$select=nonsense"), getPart("organizations?$select=name"))
	r := admin.batch(t, "", reads)
	if r.status != http.StatusBadRequest || strings.Count(string(r.body), "HTTP/1.1 ") != 2 {
		t.Errorf("the batch does not stop at the first failure: %d %s", r.status, r.body)
	}
	before := state(t, server)
	set := func(steps ...string) string {
		return "Content-Type: multipart/mixed; boundary=set_1\r\n\r\n" + batchBody("set_1", steps...)
	}
	role := server.Environment().Role("Salesperson").ID
	r = admin.batch(t, "", batchBody("batch_1", set(writePart("1", "PATCH", "roles("+role+")", `{"name":"Seller"}`), writePart("2", "PATCH", "roles("+role+")", `{"nonsense":1}`))))
	if r.status != http.StatusBadRequest || !bytes.Equal(before, state(t, server)) {
		t.Errorf("a change set with an error: %d %s", r.status, r.body)
	}
	r = admin.batch(t, "", batchBody("batch_1", set(writePart("1", "PATCH", "roles("+role+")", `{"name":"Seller"}`), writePart("2", "POST", "roles", `{"name":"Salesperson"}`))))
	if r.status != http.StatusOK || server.Environment().Role("Seller") == nil || server.Environment().Role("Salesperson") == nil {
		t.Errorf("a change set: %d %s", r.status, r.body)
	}
	for name, body := range map[string]string{
		"no Content-ID": set(strings.Replace(writePart("1", "DELETE", "roles("+role+")", ""), "Content-ID: 1\r\n", "", 1)),
		"two bodies":    set(writePart("1", "PATCH", "roles("+role+")", `{"name":"Twice"} {}`)),
		"GET in a set":  set(writePart("1", "GET", "roles", "")),
		"nested batch":  strings.Replace(getPart("x"), "GET /api/data/v9.2/x", "POST /api/data/v9.2/$batch", 1),
		"another host":  strings.Replace(getPart("x"), "GET /api/data/v9.2/x", "GET https://example.com/api/data/v9.2/roles", 1),
	} {
		if r := admin.batch(t, "", batchBody("batch_1", body)); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

// TestBatchesOfClients sends batches as real clients write them.
func TestBatchesOfClients(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "compliant")
	role := server.Environment().Role("Salesperson").ID
	set := "Content-Type: multipart/mixed; boundary=set_1\r\n\r\n"
	write := strings.Replace(writePart("1", "PATCH", "roles("+role+")", `{"name":"Seller"}`), "Content-Length: 17\r\n", "", 1)
	if strings.Contains(write, "Content-Length") {
		t.Fatal("the part has a Content-Length")
	}
	for name, body := range map[string]string{
		"no empty line":       batchBody("batch_1", strings.TrimSuffix(getPart("WhoAmI"), "\r\n\r\n")),
		"no header":           batchBody("batch_1", strings.TrimSuffix(getPart("WhoAmI"), "\r\nAccept: application/json\r\n\r\n")),
		"LF line endings":     strings.ReplaceAll(batchBody("batch_1", getPart("WhoAmI")), "\r\n", "\n"),
		"no length":           batchBody("batch_1", set+batchBody("set_1", write)),
		"an absolute address": batchBody("batch_1", strings.Replace(getPart("WhoAmI"), "GET /api", "GET "+server.URL()+"/api", 1)),
	} {
		if r := admin.batch(t, "", body); r.status != http.StatusOK || !bytes.Contains(r.body, []byte("HTTP/1.1 20")) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if server.Environment().Role("Seller") == nil {
		t.Error("the write without Content-Length has no effect")
	}
	// The addresses in the response have the host name of the request.
	const host = "contoso.crm.dynamics.com"
	r := admin.batch(t, host, batchBody("batch_1", strings.Replace(getPart("WhoAmI"), "GET /api", "GET https://"+host+"/api", 1)))
	if r.status != http.StatusOK || !bytes.Contains(r.body, []byte("https://"+host+"/api/data/v9.2/$metadata")) {
		t.Errorf("another host name: %d %s", r.status, r.body)
	}
}
