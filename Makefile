# The two most useful targets are make demo and make test. make help lists the others.
GO      ?= go
BIN     := bin/dbaudit
OPA     := bin/opa
CONFTEST := bin/conftest
PKGS    := ./...
# Tools. Go builds them; they are not dependencies of the module.
GOLANGCI   := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT    := mvdan.cc/gofumpt@v0.9.2
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
CONFTEST_MODULE := github.com/open-policy-agent/conftest@v0.71.1
PLATFORMS  ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
CLIENTS    := dynamics-web-api@2.5.0 mcp-dataverse@0.7.8 @modelcontextprotocol/ext-apps@1.7.5
SARIF_TOOL := @microsoft/sarif-multitool@5.7.0

.DEFAULT_GOAL := help
.PHONY: help build demo fleet-demo test test-all test-all-but-go pairs race lint cross policy conftest golden fuzz soak bench docs readme recipes sarif junit postgres browser token-server curl powershell clients simulator clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(BIN) ## build bin/dbaudit

$(BIN): FORCE
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@ ./cmd/dbaudit

demo: build ## build, and scan the embedded simulator's sample environment
	$(BIN) demo

fleet-demo: build ## serve the fleet's page with 25 simulated environments
	scripts/fleet-demo $(BIN)

test: ## run the tests that need only Go
	$(GO) test -timeout 10m $(PKGS)

test-all: test pairs test-all-but-go ## run all tests, including those that need npm, a browser or another tool

test-all-but-go: policy conftest postgres sarif junit recipes browser token-server curl powershell simulator

pairs: ## test more random pairs of faults and more faulty servers than make test
	$(GO) test ./internal/lab -run 'TwoFaults|VerdictUnderFaults' -soak.seeds 500 -timeout 15m

postgres: ## test the store and the queue on PostgreSQL too (needs Debian's package postgresql)
	scripts/with-postgres $(GO) test -count=1 -timeout 15m ./internal/store ./internal/fleet

# The packages that start a goroutine in their code or tests. UNRACED excludes some. CI excludes the two packages
# that are only tests, which take as long as all the others.
RACED ?= cmd internal
UNRACED ?= -
race: ## test concurrent code with the race detector
	$(GO) test -race -short -timeout 15m $$(grep -rlE '\bgo func|errgroup|[.]Go\(' --include='*.go' --exclude-dir=browser --exclude-dir=foreign $(RACED) | xargs -n 1 dirname | sort -u | grep -vwE '$(UNRACED)' | sed 's|^|./|')

# Stock opa in the version that dbaudit links.
$(OPA): go.mod
	GOBIN=$(abspath bin) $(GO) install github.com/open-policy-agent/opa@$(shell $(GO) list -m -f '{{.Version}}' github.com/open-policy-agent/opa)

policy: $(OPA) ## check, format and test the policies with stock opa (coverage of 100 %)
	$(OPA) check --strict --schema policy/schema/snapshot.json --capabilities policy/capabilities.json policy
	$(OPA) fmt --fail --list policy
	$(OPA) test --timeout 5m policy
	@$(OPA) test --timeout 5m --coverage policy | $(OPA) eval -I -f raw --fail-defined '[sprintf("not covered: %s:%d", [f, r.start.row]) | some f, file in input.files; some r in file.not_covered][_]'
	@if command -v regal >/dev/null; then regal lint policy; else echo "regal is not installed: its rules (.regal/config.yaml) were not checked"; fi

$(CONFTEST): Makefile
	GOBIN=$(abspath bin) $(GO) install $(CONFTEST_MODULE)
	touch $@

conftest: build $(OPA) $(CONFTEST) ## compare the findings of conftest and stock opa with dbaudit's
	scripts/test-stock-tools $(BIN) $(OPA) $(CONFTEST)

lint: ## run golangci-lint, and check the go.mod files
	$(GO) run $(GOLANGCI) run
	for module in . internal/signin/foreign internal/report/browser scripts/manifests; do (cd $$module && $(GO) mod tidy -diff) || exit 1; done
	$(GO) mod verify

golden: ## rewrite the expected outputs
	$(GO) test $$(grep -rlE 'flag\.Bool\("update"' --include='*_test.go' internal | xargs -n 1 dirname | sort -u | sed 's|^|./|') -update

fuzz: ## run each fuzz target for FUZZTIME
	@for target in $$(grep -rl '^func Fuzz' --include='*_test.go' internal); do \
	  package=./$$(dirname $$target); \
	  for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$target); do \
	    echo "$$package $$name"; $(GO) test $$package -run '^$$' -fuzz "^$$name$$" -fuzztime $(or $(FUZZTIME),30s) -fuzzminimizetime 1x || exit 1; \
	  done; \
	done

soak: ## test many random faults
	$(GO) test ./internal/collector -run Fault -soak.seeds 2000 -timeout 60m
	$(GO) test ./internal/lab -run "TwoFaults|VerdictUnderFaults" -soak.seeds 1000 -timeout 60m
	scripts/with-postgres $(GO) test ./internal/fleet -run Torture -v -timeout 60m -args -torture.environments 1000 -torture.kills 200

bench: $(BIN) $(OPA) ## run the benchmarks, and print each figure with its bound (xmllint is part of libxml2)
	$(GO) test -run '^$$' -bench . -benchtime 1x $(PKGS)
	$(GO) test ./internal/bench -count=1 -v -timeout 40m -bench.opa $(abspath $(OPA)) -bench.xmllint "$$(command -v xmllint)" -bench.dbaudit $(abspath $(BIN))

recipes: ## check the recipes in examples with actionlint, the types of Kubernetes and systemd
	scripts/recipes $(ACTIONLINT)

sarif: build ## check the SARIF documents with Microsoft's validator
	scripts/validate-sarif $(BIN) $(SARIF_TOOL)

junit: ## check the JUnit documents with Jenkins' schema
	scripts/validate-junit

browser: ## test the HTML report and the fleet's page in Chromium
	scripts/test-page

curl: ## run the curl scripts of reports against the simulator
	@for tool in bash sh curl jq grep; do command -v $$tool >/dev/null || { echo "make curl needs $$tool"; exit 1; }; done
	$(GO) test ./internal/change ./internal/lab -count=1 -run '^TestCurl'

powershell: ## check the PowerShell scripts of reports with an independent grammar
	scripts/validate-powershell

clients: build ## run third-party clients (npm) against the simulator
	scripts/test-clients $(BIN) $(CLIENTS)

simulator: ## run make clients, and check that clients and other packages use 90 % of the simulator
	scripts/simulator-coverage 90 $(CLIENTS)

token-server: ## test sign-in with a third-party token server
	cd internal/signin/foreign && $(GO) test ./...
	scripts/test-sign-in oidc-provider@9.13.3

cross: ## build for every released platform
	@for target in $(PLATFORMS); do \
	  echo "$$target"; GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/dbaudit || exit 1; \
	done

docs: build ## rewrite docs/controls from the rules and the profiles (make test fails if they are out of date)
	$(BIN) policy docs docs/controls

readme: build ## put the current output of the demo into the README
	scripts/readme $(BIN)

clean: ## remove build outputs
	rm -rf bin dist
FORCE:
