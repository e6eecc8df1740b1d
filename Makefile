# wimcast: `make demo` shows the main job and needs nothing but Go; `make test` runs every test; `make check` is what CI runs.

GO      ?= go
GOTEST  := .ci/gotest
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
# A checkout that belongs to somebody else must build too.
export GOFLAGS := $(GOFLAGS) -buildvcs=false
# The last lines are what the tests said.
MAKEFLAGS += --no-print-directory

# Arguments of `make demo`, as ARGS="--peers 8 --loss 5%"
ARGS ?=
# The tree of `make bench`; default: Go's own installation
TREE ?=
# Time for each fuzz target
FUZZTIME ?= 1m
# Packages whose goroutines share memory: `make race` runs their tests under the race detector
RACE ?= ./api/... ./apply/... ./catalog/... ./chunk/... ./cmd/... ./content/... ./internal/... ./node/... ./wim/...

.PHONY: all build demo test race fuzz wine sim lab bench lint fmt fmtcheck vet check clean

all: build

build: ## the one binary, bin/wimcast
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/wimcast ./cmd/wimcast

demo: build ## capture, publish, multicast, apply and compare, on this machine
	bin/wimcast demo $(ARGS)

test: ## every test; installs the Debian packages its oracles need when it may
	.ci/oracles
	$(GOTEST) -timeout 8m ./bench/lab # alone: what it runs has the machine's timing
	$(GOTEST) -timeout 8m $$($(GO) list ./... | grep -v /bench/lab)

race:
	CGO_ENABLED=1 $(GOTEST) -race -short -timeout 10m $(RACE)

fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

wine: ## the Windows build under Wine: its tests, and the demo
	.ci/wine

sim: build ## the protocol in the deterministic simulator: all scenarios and swarms
	$(GO) test -count=1 -v -run 'Scenario|Swarm|Sim' ./netsim/...

lab: build ## the real binary in network namespaces, all scenarios; root, or a user namespace
	.ci/oracles
	$(GO) test -count=1 -v -timeout 60m ./bench/lab -lab

bench: ## Go benchmarks, then wimcast and wimlib-imagex in turn on TREE; the numbers of docs/measurements.md name their own commands
	$(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v /bench/)
	$(GO) test ./bench/wim -run '^$$' -bench . -benchtime 1x -timeout 4h $(if $(TREE),-tree $(abspath $(TREE)))

bin/staticcheck bin/gofumpt &: tools/go.mod tools/go.sum
	$(GO) -C tools build -o ../bin/ honnef.co/go/tools/cmd/staticcheck mvdan.cc/gofumpt

lint: bin/staticcheck fmtcheck vet ## gofumpt, go vet and staticcheck, for Linux and Windows
	bin/staticcheck ./...
	GOOS=windows bin/staticcheck ./...

vet:
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...

fmt: bin/gofumpt
	bin/gofumpt -w .

fmtcheck: bin/gofumpt
	@bad=$$(bin/gofumpt -l .); \
	if [ -n "$$bad" ]; then echo "not formatted (run make fmt):"; echo "$$bad"; exit 1; fi

check: lint ## what CI runs
	CGO_ENABLED=0 GOOS=linux $(GO) build ./...
	CGO_ENABLED=0 GOOS=windows $(GO) build ./...
	$(MAKE) build
	$(MAKE) race
	$(MAKE) test

clean:
	rm -rf bin dist
