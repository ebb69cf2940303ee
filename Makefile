# The two that a newcomer needs: make demo, make test. The rest is in make help.
GO      ?= go
BIN     := bin/dbaudit
OPA     := bin/opa
CONFTEST := bin/conftest
PKGS    := ./...
# Tools by version; built with Go alone, outside the module's own dependencies.
GOLANGCI   := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT    := mvdan.cc/gofumpt@v0.9.2
GOVULN     := golang.org/x/vuln/cmd/govulncheck@v1.1.4
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
CONFTEST_MODULE := github.com/open-policy-agent/conftest@v0.71.1
PLATFORMS  ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
CLIENTS    := dynamics-web-api@2.5.0 mcp-dataverse@0.7.8 @modelcontextprotocol/ext-apps@1.7.5
SARIF_TOOL := @microsoft/sarif-multitool@5.7.0

.DEFAULT_GOAL := help
.PHONY: help build demo test test-all test-all-but-go pairs race lint cross policy conftest golden fuzz soak bench docs readme recipes sarif postgres browser token-server curl powershell clients clean FORCE

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(BIN) ## build bin/dbaudit

$(BIN): FORCE
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@ ./cmd/dbaudit

demo: build ## build, and scan the embedded simulator's sample environment
	$(BIN) demo

test: ## the tests, with Go alone
	$(GO) test -timeout 10m $(PKGS)

test-all: test pairs test-all-but-go ## the tests that need npm, a browser or another tool, too

test-all-but-go: policy conftest postgres sarif junit recipes browser token-server curl powershell clients

pairs: ## pairs of faults and faulty servers, in more draws than make test
	$(GO) test ./internal/lab -run 'TwoFaults|VerdictUnderFaults' -soak.seeds 500 -timeout 15m

postgres: ## the tests of the store and the queue on PostgreSQL too, which it starts (Debian's package postgresql)
	scripts/with-postgres $(GO) test -count=1 -timeout 15m ./internal/store ./internal/fleet

# Every package that starts a goroutine; the tests themselves start some in others.
RACED ?= cmd internal
race: ## the tests of what runs side by side, under the race detector
	$(GO) test -race -short -timeout 15m $$(grep -rlE '\bgo func|errgroup|[.]Go\(' --include='*.go' --exclude-dir=browser --exclude-dir=foreign $(RACED) | xargs -n 1 dirname | sort -u | sed 's|^|./|')

# The stock tool, of the version that is linked in.
$(OPA): go.mod
	GOBIN=$(abspath bin) $(GO) install github.com/open-policy-agent/opa@$(shell $(GO) list -m -f '{{.Version}}' github.com/open-policy-agent/opa)

policy: $(OPA) ## the policies in the stock opa: check, fmt, test, coverage of 100 %
	$(OPA) check --strict --schema policy/schema/snapshot.json --capabilities policy/capabilities.json policy
	$(OPA) fmt --fail --list policy
	$(OPA) test --timeout 5m policy
	$(OPA) test --timeout 5m --coverage --threshold 100 policy >/dev/null
	@if command -v regal >/dev/null; then regal lint policy; else echo "regal is not installed: its rules (.regal/config.yaml) were not checked"; fi

$(CONFTEST): Makefile
	GOBIN=$(abspath bin) $(GO) install $(CONFTEST_MODULE)
	touch $@

conftest: build $(OPA) $(CONFTEST) ## conftest, opa eval and opa build find what dbaudit finds
	scripts/test-stock-tools $(BIN) $(OPA) $(CONFTEST)

lint: ## golangci-lint, and no vulnerable dependency where the database can be had
	$(GO) run $(GOLANGCI) run
	$(GO) mod tidy -diff
	$(GO) mod verify

golden: ## rewrite the expected outputs
	$(GO) test $$(grep -rlE 'flag\.Bool\("update"' --include='*_test.go' internal | xargs -n 1 dirname | sort -u | sed 's|^|./|') -update

fuzz: ## each fuzz target for FUZZTIME
	@for target in $$(grep -rl '^func Fuzz' --include='*_test.go' internal); do \
	  package=./$$(dirname $$target); \
	  for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$target); do \
	    echo "$$package $$name"; $(GO) test $$package -run '^$$' -fuzz "^$$name$$" -fuzztime $(or $(FUZZTIME),30s) -fuzzminimizetime 1x || exit 1; \
	  done; \
	done

soak: ## random faults at full size
	$(GO) test ./internal/collector -run Fault -soak.seeds 2000 -timeout 60m
	$(GO) test ./internal/lab -run "TwoFaults|VerdictUnderFaults" -soak.seeds 1000 -timeout 60m

bench: $(BIN) $(OPA) ## measure, as ratios taken in one run (xmllint is of libxml2)
	$(GO) test -run '^$$' -bench . -benchtime 3x $(PKGS)
	$(GO) test ./internal/cli -run Beside -v -timeout 20m -bench.opa $(abspath $(OPA)) -bench.xmllint "$$(command -v xmllint)" -bench.dbaudit $(abspath $(BIN))

recipes: ## the CI recipes: actionlint, the types of Kubernetes, systemd
	scripts/recipes $(ACTIONLINT)

sarif: build ## Microsoft's validator on what dbaudit writes
	scripts/validate-sarif $(BIN) $(SARIF_TOOL)

junit: ## the schema of Jenkins on the JUnit documents
	scripts/validate-junit

browser: ## the page in a real browser
	scripts/test-page

curl: ## the emitted curl scripts, run against the simulator
	@for tool in bash sh curl jq grep; do command -v $$tool >/dev/null || { echo "make curl needs $$tool"; exit 1; }; done
	$(GO) test ./internal/report/remedy ./internal/lab -count=1 -run '^TestCurl'

powershell: ## the emitted scripts for PowerShell, read by a grammar of others
	scripts/validate-powershell

clients: build ## clients of other hands (npm) on the simulator
	scripts/test-clients $(BIN) $(CLIENTS)

token-server: ## sign-in against a token server of other hands
	cd internal/signin/foreign && $(GO) test ./...

cross: ## build for every platform that is released
	@for target in $(PLATFORMS); do \
	  echo "$$target"; GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/dbaudit || exit 1; \
	done

docs: build ## rewrite docs/controls from the rules and the profiles; make test fails where they are stale
	$(BIN) policy docs docs/controls

readme: build ## put today's output of the demonstration into the README
	scripts/readme $(BIN)

clean: ## what make made
	rm -rf bin dist
FORCE:
