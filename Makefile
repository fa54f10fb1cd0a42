# Two commands do everything: `make run` and `make test`.
.PHONY: run test test-full soak check bench bench-short web build install-run install-test install-bench clean

# Tests and checks share one profile: nothing is compiled twice for them. `run` and `bench` are release builds.
CARGO = cargo
VIRAGE = target/debug/virage
WEB = $(shell find player-web/src player-web/*.html player-web/*.ts player-web/*.json player-web/*.js -type f 2>/dev/null)

run: install-run web
	$(CARGO) build --release --locked -p server
	target/release/virage demo $(ARGS)

install-run:
	@scripts/install.sh run

install-test:
	@scripts/install.sh test

install-bench:
	@scripts/install.sh bench

player-web/node_modules: player-web/package-lock.json
	cd player-web && npm ci --no-audit --no-fund
	touch $@

player-web/dist/index.html: player-web/node_modules $(WEB)
	cd player-web && npm run build
	touch $@

web: player-web/dist/index.html

build: install-run web
	$(CARGO) build --locked --workspace --bins

# The same tests at a seeded tenth of the counts ...
test: install-test build
	PROPTEST_RNG_SEED=1122 scripts/test.sh

# ... and whole.
test-full: install-test build
	VIRAGE_FULL=1 PROPTEST_CASES=2560 scripts/test.sh

# Real senders behind a bad network for hours: nothing may grow, no camera may drift. SOAK is in minutes.
SOAK = 240
soak: install-test build
	VIRAGE_SOAK=$(SOAK) $(CARGO) test --locked -p server --test it soak -- --nocapture

check: install-run web
	scripts/check.sh

# Virage beside its peers; ARGS="held flash" measures these alone. The short form compares with what CI can stand on.
bench: install-bench web
	scripts/bench.sh $(ARGS)

bench-short: install-bench build
	scripts/bench.sh --short

clean:
	cargo clean
	rm -rf player-web/node_modules player-web/dist
