# SPDX-License-Identifier: Apache-2.0
# The front door; Meson does the building. `make demo` and `make check` are all a newcomer needs.
BUILD ?= build
NINJA = ninja -C $(BUILD)

.PHONY: all demo check quick asan fuzz calibrate bench install clean setup setup-check format

all: $(BUILD)/build.ninja
	@$(NINJA) telltale

setup:
	@./setup

setup-check:
	@./setup check

$(BUILD)/build.ninja: | setup
	@meson setup $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }; mv $(BUILD).log $(BUILD)/setup.log

# The worked study: a simulated world, imported and reported.
demo: setup all
	@tests/demo $(BUILD)/telltale

# Every test. The last line is "N passed, N failed".
check: setup-check $(BUILD)/build.ninja
	@$(NINJA) --quiet && python3 tests/run.py $(BUILD)

# The tests of single folders only: a minute.
quick: $(BUILD)/build.ninja
	@$(NINJA) --quiet && python3 tests/run.py $(BUILD) --no-suite e2e

# Everything but the embedded engine under AddressSanitizer and UBSan.
asan: setup-check
	@[ -f $(BUILD)-asan/build.ninja ] || meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@ninja --quiet -C $(BUILD)-asan && python3 tests/run.py $(BUILD)-asan --no-suite e2e

# libFuzzer over every parser; FUZZ_SECONDS for each target.
FUZZ_SECONDS ?= 60
fuzz: setup-check
	@[ -f $(BUILD)-fuzz/build.ninja ] || CC=clang meson setup $(BUILD)-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@ninja --quiet -C $(BUILD)-fuzz && python3 tests/fuzz.py $(BUILD)-fuzz $(FUZZ_SECONDS)

# How often the report is right where the truth is known: hours. Takes up what it measured before; writes docs/calibration.md.
SERIES ?= 2000
WORLDS ?= 200
calibrate: setup-check $(BUILD)/build.ninja
	@$(NINJA) --quiet telltale tests/calibrate_series && python3 tests/calibrate/calibrate.py $(BUILD) --series $(SERIES) --worlds $(WORLDS)

bench: setup-check all
	@bench/run $(BUILD)

install: all
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

format:
	@git ls-files 'src/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' | xargs clang-format -i
	@npx prettier --write web >/dev/null

clean:
	@rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz demo
