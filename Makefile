# Every target does its own set-up; Go is all that must be there.

BIN := bin
GO  := go

.PHONY: build cross systems man test test-servers kill simulate simulate-planted demo fuzz lint memory bench vet clean

build: ## both binaries into bin/
	$(GO) build -o $(BIN)/residency ./cmd/residency
	cd cmd/sandbox && $(GO) build -o ../../$(BIN)/sandbox .

cross: ## compile for the systems that releases are made for, as they are made
	for system in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64; do \
		CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} $(GO) build -trimpath -o /dev/null ./cmd/residency || exit 1; done
	cd scripts/release && RESIDENCY_CROSS=1 $(GO) test -count=1 ./...

man: ## the manual pages of all commands and help topics, into man/
	$(GO) run ./cmd/manpages man

demo: build ## move a sample customer out of the United States, on real S3 servers; its certificate stays in bin/demo
	DEMO="$(CURDIR)/$(BIN)/demo" PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sandbox up -azure -gcs -- sh scripts/demo

test: build vet ## everything that must hold, race detector on
	cd cmd/sandbox && $(GO) test -race -count=1 ./...
	cd scripts/benchmark && $(GO) test -race -count=1 ./...
	cd scripts/release && $(GO) test -count=1 ./...
	RESIDENCY_SANDBOX="$(CURDIR)/$(BIN)/sandbox" GORACE=atexit_sleep_ms=0 $(GO) test -race -count=1 -p 3 -parallel 4 -timeout 40m \
		-skip '^(TestAcrossSizes|TestPermissions|TestPermissionsOfClouds|TestBrowser)$$' ./... # test-servers has them; many wait for servers rather than compute, whatever the cores
	$(GO) test -count=1 -run 'TestCost|TestConstantMemory' ./migrate # counts that the race detector would change
	@echo "make test: all passed"

test-servers: build systems ## what is said of servers, on versitygw, a strict Amazon and, where they can be had, MinIO and its mc
	@for program in minio mc; do \
		test -x $(BIN)/$$program || GOBIN="$(CURDIR)/$(BIN)" $(GO) install github.com/minio/$$program@latest || \
		echo "$$program could not be fetched, for the reason above: its tests are skipped"; done
	RESIDENCY_SANDBOX="$(CURDIR)/$(BIN)/sandbox" \
	RESIDENCY_MINIO="$$(test -x $(BIN)/minio && echo "$(CURDIR)/$(BIN)/minio")" RESIDENCY_MC="$$(test -x $(BIN)/mc && echo "$(CURDIR)/$(BIN)/mc")" \
	$(GO) test -count=1 -timeout 20m \
		-run 'TestEverythingMoves|TestSettings|TestLongHistory|TestSuspended|TestUnversioned|TestServerSide|TestServers|TestCustomerKey|TestOnMoto|TestAcross' ./migrate/... ./inventory/...
	RESIDENCY_SANDBOX="$(CURDIR)/$(BIN)/sandbox" RESIDENCY_AMAZON=all $(GO) test -count=1 -timeout 40m -run '^(TestScriptsOnAmazon|TestPermissions|TestPermissionsOfClouds)$$' ./cmd/residency
	$(GO) test -count=1 -v -run '^Test(Browser|Layout)$$' ./cmd/internal/report/page # skipped where there is no chromium
	@echo "make test-servers: all passed"

kill: build ## SIGKILL at KILLS random moments of a migration of 20,000 entries, and in a RHYTHM, SEEDS times beside BUSY loops, on all servers and states
	RESIDENCY_SANDBOX="$(CURDIR)/$(BIN)/sandbox" RESIDENCY_MINIO="$$(test -x $(BIN)/minio && echo "$(CURDIR)/$(BIN)/minio")" \
	RESIDENCY_RHYTHM=$(or $(RHYTHM),50ms-2s) RESIDENCY_SEEDS=$(or $(SEEDS),3) RESIDENCY_BUSY=$(or $(BUSY),0) \
	$(GO) test -count=1 -timeout 120m -v -run TestKillRhythm ./cmd/residency
	RESIDENCY_SANDBOX="$(CURDIR)/$(BIN)/sandbox" RESIDENCY_KILLS=$(or $(KILLS),50) $(GO) test -count=1 -timeout 60m -v -run TestKillLoop ./cmd/residency

simulate: ## SEEDS whole migrations in simulated worlds from FIRST on; or one SEED, with its trace
	$(GO) test -c -o $(BIN)/simulation.test ./migrate/simulation
	$(BIN)/simulation.test -test.run 'TestSimulate$$' -test.timeout 0 $(if $(SEED),-seed $(SEED),-seeds $(or $(SEEDS),10000) -first $(or $(FIRST),1))

simulate-planted: ## whether the simulation catches bugs planted for it, and with which seed; or one BUG alone
	$(GO) test -v -count=1 -timeout 0 -tags planted -run 'TestPlanted$$' ./migrate/simulation $(if $(BUG),-bug $(BUG))

vet:
	$(GO) vet ./...
	$(GO) vet -tags planted ./migrate/...
	$(GO) vet -tags race ./migrate/... # the tests that run under the race detector
	cd cmd/sandbox && $(GO) vet ./...
	cd scripts/benchmark && $(GO) vet ./...
	cd scripts/release && $(GO) vet ./...
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "gofmt: the files above are not formatted"; exit 1; }

systems: ## vet all modules, tests included, for Windows and macOS; without a cache that takes minutes
	for system in windows darwin; do for module in . cmd/sandbox scripts/benchmark; do \
		(cd $$module && GOOS=$$system $(GO) vet ./...) || exit 1; done; done

fuzz: ## each fuzz target for FUZZTIME
	scripts/fuzz $(or $(FUZZTIME),20s)

memory: ## the most memory a move takes, at 10,000 to 1,000,000 entries of a simulated store
	scripts/memory

bench: ## residency beside rclone, mc and a floor program; BENCH has flags and workloads
	scripts/bench $(BENCH)

lint: ## the linters of .golangci.yml, fetched by Go
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.5.0 run ./...

clean:
	rm -rf $(BIN) man
