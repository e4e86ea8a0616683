# Every target does its own set-up; Go is all that must be there.

BIN := bin
GO  := go

.PHONY: build test test-servers demo fuzz bench lint vet clean

build: ## both binaries into bin/
	$(GO) build -o $(BIN)/residency ./cmd/residency
	cd cmd/sandbox && $(GO) build -o ../../$(BIN)/sandbox .

demo: build ## move a sample customer out of the United States, on real S3 servers
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sandbox up -- sh scripts/demo

test: build vet ## everything that must hold, race detector on
	cd cmd/sandbox && $(GO) test -race -count=1 ./...
	cd scripts/benchmark && $(GO) test -race -count=1 ./...
	RESIDENCY_SANDBOX="$(CURDIR)/$(BIN)/sandbox" $(GO) test -race -count=1 -timeout 9m ./...
	@echo "make test: all passed"

test-servers: build ## what is said of servers, on versitygw and, where it can be had, MinIO
	@test -x $(BIN)/minio || GOBIN="$(CURDIR)/$(BIN)" $(GO) install github.com/minio/minio@latest || \
		echo "MinIO could not be fetched, for the reason above: its tests are skipped"
	RESIDENCY_SANDBOX="$(CURDIR)/$(BIN)/sandbox" RESIDENCY_MINIO="$$(test -x $(BIN)/minio && echo "$(CURDIR)/$(BIN)/minio")" $(GO) test -count=1 -timeout 9m \
		-run 'TestEverythingMoves|TestSettings|TestLongHistory|TestSuspended|TestUnversioned|TestServerSide|TestServers' ./migrate/... ./inventory/doctor
	@echo "make test-servers: all passed"

vet:
	$(GO) vet ./...
	cd cmd/sandbox && $(GO) vet ./...
	cd scripts/benchmark && $(GO) vet ./...
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "gofmt: the files above are not formatted"; exit 1; }

fuzz: ## each fuzz target for FUZZTIME
	scripts/fuzz $(or $(FUZZTIME),20s)

bench: ## residency beside rclone, mc and a floor program; BENCH has flags and workloads
	scripts/bench $(BENCH)

lint: ## the linters of .golangci.yml, fetched by Go
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.5.0 run ./...

clean:
	rm -rf $(BIN)
