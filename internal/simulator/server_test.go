package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

func TestStartRefusesInvalidEnvironment(t *testing.T) {
	env, err := simulator.Builtin("compliant")
	if err != nil {
		t.Fatal(err)
	}
	env.Users[0].Roles = []simulator.RoleAssignment{{Role: "No such role"}}
	if _, err := simulator.Start(t.Context(), env, simulator.Options{}); err == nil || !strings.Contains(err.Error(), `users.0.roles.0.role: there is no role "No such role"`) {
		t.Errorf("got %v", err)
	}
}

func TestMutateIsAllOrNothing(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, nil)
	before := state(t, server)
	if err := server.Mutate(func(e *simulator.Environment) { e.Roles = nil }); err == nil {
		t.Error("a change that removes assigned roles succeeds")
	}
	if !bytes.Equal(before, state(t, server)) {
		t.Error("a refused change changed something")
	}
	mutate(t, server, func(e *simulator.Environment) {
		e.Role("Demandbase Integration").Privileges["prvReadAccount"] = simulator.DepthLocal
	})
	if bytes.Equal(before, state(t, server)) {
		t.Error("a change changed nothing")
	}
	mutate(t, server, func(e *simulator.Environment) {
		e.Role("Demandbase Integration").Privileges["prvReadAccount"] = simulator.DepthDeepest
	})
	if diff := cmp.Diff(string(before), string(state(t, server))); diff != "" {
		t.Error(diff)
	}
}

// TestRenameRole checks that assignments keep referring to a role that is renamed.
func TestRenameRole(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "compliant")
	id := server.Environment().Role("Demandbase Integration").ID
	before := state(t, server)
	admin.do("PATCH", "roles("+id+")", obj{"name": "Basic User 2"}).expect(t, "rename", 204, "-")
	if got := server.Environment().ApplicationUser("Demandbase Integration").Roles; len(got) != 1 || got[0].Role != "Basic User 2" {
		t.Errorf("roles %+v", got)
	}
	admin.do("PATCH", "roles("+id+")", obj{"name": "Demandbase Integration"}).expect(t, "rename back", 204, "-")
	if diff := cmp.Diff(string(before), string(state(t, server))); diff != "" {
		t.Error(diff)
	}
}

func TestStalePermissions(t *testing.T) {
	server := start(t, "compliant", simulator.Options{StaleFor: 2}, nil)
	c := signIn(t, server, "dbaudit")
	mutate(t, server, func(e *simulator.Environment) { delete(e.Role("dbaudit Auditor").Privileges, "prvReadRole") })
	c.get("roles?$select=name").expect(t, "stale", 200, "-")
	c.with("Consistency", "Strong").get("roles?$select=name").expect(t, "strong", 403, "0x80040220")
	c.get("roles?$select=name").expect(t, "stale", 200, "-")
	c.get("roles?$select=name").expect(t, "fresh", 403, "0x80040220")
}

func TestObserveAndDelay(t *testing.T) {
	var count atomic.Int64
	server := start(t, "compliant", simulator.Options{
		Observe: func(*http.Request) { count.Add(1) },
		Faults: func(r *http.Request) simulator.Fault {
			if strings.HasSuffix(r.URL.Path, "RetrieveVersion") {
				return simulator.Fault{Kind: simulator.FaultSlow, Delay: time.Hour}
			}
			return simulator.Fault{}
		},
	}, nil)
	c := signIn(t, server, "dbaudit")
	c.get("WhoAmI").expect(t, "WhoAmI", 200, "-")
	if got := count.Load(); got != 2 {
		t.Errorf("%d requests observed", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL()+"/api/data/v9.2/RetrieveVersion", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := c.http.Do(request)
		done <- err
	}()
	for count.Load() < 3 {
		time.Sleep(time.Millisecond) // until the request has arrived
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("a canceled request succeeds")
	}
}

func TestFaults(t *testing.T) {
	var fault atomic.Pointer[simulator.Fault]
	server := start(t, "compliant", simulator.Options{PageSize: 3, Faults: func(r *http.Request) simulator.Fault {
		if f := fault.Load(); f != nil && strings.HasPrefix(r.URL.Path, "/api/data/") {
			return *f
		}
		return simulator.Fault{}
	}}, nil)
	c := signIn(t, server, "dbaudit apply")
	const path = "systemusers?$select=fullname"
	get := func(f simulator.Fault) response {
		fault.Store(&f)
		defer fault.Store(nil)
		return c.get(path)
	}
	good := c.get(path)
	names := func(r response) int { return len(r.rows(t)) }
	link := func(r response) string { text, _ := r.json(t)["@odata.nextLink"].(string); return text }
	next := link(good)

	r := get(simulator.Fault{Kind: simulator.FaultStatus, Status: 429, RetryAfter: "7"})
	r.expect(t, "429", 429, "0x80072322")
	if r.header.Get("Retry-After") != "7" {
		t.Error("no Retry-After")
	}
	for _, status := range []int{500, 503} {
		get(simulator.Fault{Kind: simulator.FaultStatus, Status: status}).expect(t, "status", status, map[int]string{500: "0x80040216", 503: "0x80072301"}[status])
	}
	if r := get(simulator.Fault{Kind: simulator.FaultStatus, Status: 502}); r.status != 502 || json.Valid(r.body) {
		t.Errorf("FaultStatus 502: %d %s", r.status, r.body)
	}
	if r := get(simulator.Fault{Kind: simulator.FaultResetBefore}); r.err == nil {
		t.Error("FaultResetBefore: no error")
	}
	for _, chunked := range []bool{false, true} {
		if r := get(simulator.Fault{Kind: simulator.FaultTruncate, Chunked: chunked}); r.err == nil {
			t.Errorf("FaultTruncate: %d %s", r.status, r.body)
		}
	}
	if r := get(simulator.Fault{Kind: simulator.FaultGarbage}); r.status != 200 || json.Valid(r.body) {
		t.Errorf("FaultGarbage: %d %s", r.status, r.body)
	}
	get(simulator.Fault{Kind: simulator.FaultUnauthorized}).expect(t, "401", 401, "-")
	get(simulator.Fault{Kind: simulator.FaultSlow, Delay: time.Millisecond}).expect(t, "slow", 200, "-")
	if r := get(simulator.Fault{Kind: simulator.FaultRepeatNextLink}); strings.Replace(link(r), "pagenumber=%221%22", "pagenumber=%222%22", 1) != next || link(r) == next {
		t.Errorf("link %s of %s", link(r), next)
	}
	if r := get(simulator.Fault{Kind: simulator.FaultSkipPage}); strings.Replace(link(r), "pagenumber=%223%22", "pagenumber=%222%22", 1) != next || link(r) == next {
		t.Errorf("link %s of %s", link(r), next)
	}
	if r := get(simulator.Fault{Kind: simulator.FaultDropNextLink}); link(r) != "" || names(r) != 3 {
		t.Errorf("FaultDropNextLink: %s", r.body)
	}
	if r := get(simulator.Fault{Kind: simulator.FaultLoseRow}); names(r) != 2 {
		t.Errorf("FaultLoseRow: %s", r.body)
	}
	if r := get(simulator.Fault{Kind: simulator.FaultDuplicateRow}); names(r) != 4 {
		t.Errorf("FaultDuplicateRow: %s", r.body)
	}
	if r := get(simulator.Fault{Kind: simulator.FaultDropColumn, Column: "fullname"}); r.rows(t)[0]["fullname"] != nil {
		t.Errorf("FaultDropColumn: %s", r.body)
	}
	// With FaultResetAfter, a write takes effect.
	fault.Store(&simulator.Fault{Kind: simulator.FaultResetAfter})
	if r := c.do("POST", "roles", obj{"name": "Lost"}); r.err == nil {
		t.Errorf("FaultResetAfter: %d", r.status)
	}
	fault.Store(nil)
	if server.Environment().Role("Lost") == nil {
		t.Error("the write has no effect")
	}
}

func TestConcurrentRequests(t *testing.T) {
	server, c := startAs(t, "dbaudit apply", "compliant")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 5 {
				c.get("roles?$select=name&$expand=systemuserroles_association($select=fullname)").expect(t, "read", 200, "-")
				name := "Role " + string(rune('a'+i))
				r := c.do("POST", "roles", obj{"name": name})
				if r.status != 204 && r.status != 400 {
					t.Errorf("create %s: %d %s", name, r.status, r.body)
				}
				if err := server.Mutate(func(e *simulator.Environment) { e.User("jane@contoso.com").Disabled = i%2 == 0 }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for i := range 8 {
		if server.Environment().Role("Role "+string(rune('a'+i))) == nil {
			t.Errorf("role %d was lost", i)
		}
	}
}

func TestContextClosesServer(t *testing.T) {
	env, err := simulator.Builtin("compliant")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	server, err := simulator.Start(ctx, env, simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hc := httpClient(t, server)
	cancel()
	for range 1000 {
		response, err := hc.Get(server.URL() + "/api/data/v9.2/")
		if err != nil {
			break
		}
		_ = response.Body.Close()
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if _, err := hc.Get(server.URL() + "/api/data/v9.2/"); err == nil {
		t.Error("the server still answers")
	}
}
