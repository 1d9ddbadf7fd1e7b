# Normlab. `make help` lists the targets.

PORT ?= 8123
IDX_DIR ?= /usr/share/datasets/fashion-mnist
# auto | emcc | clang: what makes the modules; see wasm/tools/setup.sh.
TOOLCHAIN ?= auto
VARIANTS ?= scalar simd relaxed

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
# V=1 shows the commands.
Q := $(if $(V),,@)
# Progress is for people: standard output stays free for what a target is asked for, such as make bench's JSON.
say = @printf '  %-8s %s\n' '$(1)' '$(2)' >&2
SETUP = TOOLCHAIN='$(TOOLCHAIN)' wasm/tools/setup.sh

.PHONY: help start dev build modules types page element package single dist data test test-c test-mutants fuzz test-node test-browser check format bench \
  bench-browser bench-peers setup-peers size clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo '  Settings: PORT=8123, IDX_DIR=folder (data), VARIANTS="scalar simd relaxed", TOOLCHAIN=auto|emcc|clang, V=1'

# ---- setting up: each does nothing when nothing is missing ------------------------------------------------------------

.PHONY: setup-node setup-check setup-browsers setup-examples setup-testdata
setup-node setup-check setup-browsers setup-examples setup-testdata: setup-%:
	@$(SETUP) $*

# Looked at in each run, written only when the toolchain is another one.
build/toolchain.env: FORCE | setup-node
	@$(SETUP) toolchain
build/native.env: FORCE
	@$(SETUP) native
build/fuzz.env: FORCE | build/native.env
	@$(SETUP) fuzz

node_modules/.package-lock.json: package-lock.json | setup-node
	$(call say,NPM,ci)
	$(Q)npm ci --include=dev --no-audit --no-fund --loglevel=error >/dev/null
	$(Q)touch $@

# ---- the modules: one rule, the variants differ in these flags alone --------------------------------------------------

FLAGS.scalar :=
FLAGS.simd := -msimd128
FLAGS.relaxed := -msimd128 -mrelaxed-simd

SOURCES := $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))
# No contraction: a multiply and an add round twice unless the source asks for one operation.
CFLAGS := -std=c11 -O2 -ffp-contract=off -fvisibility=hidden -Isrc
# -O3 is 10 KB larger than -O2 and no faster; with -Os the products halve in speed. What only calls kernels may be small.
WASM_CFLAGS := $(CFLAGS) -mbulk-memory -fno-vectorize -fno-slp-vectorize
# Loops that are to be vectors say so: what the compiler makes vectors of beside them is 3 % of the module, and no faster (0.98 to
# 1.03 on 20 works). Without unrolling it would be 10 % smaller yet, and half as fast.
small = $(if $(filter src/net/% src/base/% src/kernels/loss.c src/kernels/dropout.c src/kernels/figures.c,$1),-Oz)$(if $(filter wasm/%,$1), -Oz -fno-builtin)
# 8 % smaller, as fast; -O3 and -Oz are larger. Debian's Binaryen does not know relaxed SIMD, the package's does.
WASM_OPT := node node_modules/binaryen/bin/wasm-opt -O2 --enable-bulk-memory --enable-simd --enable-relaxed-simd
# What stands in for the C library's; each says why.
WASM_SOURCES := $(SOURCES) wasm/memcpy.c wasm/exp.c wasm/malloc.c
MODULES := $(VARIANTS:%=wasm/modules/normlab.%.wasm)

# These change when a flag or the list of sources does. $(1): what to keep
keep = @mkdir -p $(@D); echo '$(1)' >$@.new; if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
build/flags: FORCE
	$(call keep,$(WASM_CFLAGS) / $(FLAGS.simd) / $(FLAGS.relaxed) / $(WASM_OPT))
build/sources: FORCE
	$(call keep,$(SOURCES))

# The header says what crosses into wasm; the linker's lists and the typed list for JavaScript follow from it.
LISTS := build/exports.rsp build/exports.json build/imports.txt
wasm/generated/exports.js $(LISTS) &: src/normlab.h wasm/tools/bindings.mjs | setup-node
	$(call say,GEN,wasm/generated/exports.js)
	$(Q)node wasm/tools/bindings.mjs write $< build wasm/generated

define variant
OBJECTS.$(1) := $$(WASM_SOURCES:%.c=build/$(1)/%.o)
$$(OBJECTS.$(1)): build/$(1)/%.o: %.c build/toolchain.env build/flags
	$$(call say,CC,$$<  ($(1)))
	@mkdir -p $$(@D)
	$$(Q). build/toolchain.env; $$$$WASM_CC $$(WASM_CFLAGS) $$(call small,$$<) $$(FLAGS.$(1)) -MMD -MP -c $$< -o $$@
wasm/modules/normlab.$(1).wasm: $$(OBJECTS.$(1)) $$(LISTS) build/toolchain.env build/flags build/sources node_modules/.package-lock.json
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q). build/toolchain.env; $$$$WASM_LINK $$(OBJECTS.$(1)) $$$$WASM_LIBS -o build/$(1).wasm
	$$(Q)$$(WASM_OPT) build/$(1).wasm -o $$@
-include $$(OBJECTS.$(1):.o=.d)
endef
$(foreach v,$(VARIANTS),$(eval $(call variant,$v)))

modules: $(MODULES) wasm/generated/exports.js ## the WebAssembly modules alone

# ---- types and page ---------------------------------------------------------------------------------------------------

SCRIPTS := $(shell find wasm -name generated -prune -o -name modules -prune -o -name types -prune -o -name tools -prune \
  -o -type f -print 2>/dev/null)
PAGE := $(shell find web -type f 2>/dev/null)
TSC := node_modules/.bin/tsc

build/types.stamp: $(filter %.js %.json,$(SCRIPTS)) wasm/generated/exports.js tsconfig.json node_modules/.package-lock.json
	$(call say,TSC,wasm/types)
	$(Q)rm -rf wasm/types
	$(Q)$(TSC) -p tsconfig.json
	@touch $@
types: build/types.stamp

build/page.stamp: $(PAGE) $(SCRIPTS) $(MODULES) wasm/generated/exports.js node_modules/.package-lock.json
	$(call say,VITE,dist/site)
	$(Q)node_modules/.bin/vite build web --logLevel warn >&2
	@touch $@
page: build/page.stamp

# As pages of others have the modules: few servers compress WebAssembly.
PACKED := $(VARIANTS:%=build/packed/normlab.%.wasm.lzma)
$(PACKED): build/packed/%.lzma: wasm/modules/%
$(PACKED): wasm/tools/pack-module.mjs node_modules/.package-lock.json
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(Q)node $< $@ $(filter %.wasm,$^)

# The element's script, and in a folder beside it what it fetches.
build/element.stamp: $(PAGE) $(SCRIPTS) $(PACKED) wasm/generated/exports.js node_modules/.package-lock.json
	$(call say,VITE,dist/normlab-element.js)
	$(Q)rm -rf dist/normlab-element
	$(Q)node_modules/.bin/vite build web --config web/vite.element.config.ts --logLevel warn >&2
	$(Q)mkdir -p dist/normlab-element/fashion-mnist
	$(Q)cp $(PACKED) dist/normlab-element/
	$(Q)cp wasm/data/fashion-mnist/*.gz dist/normlab-element/fashion-mnist/
	@touch $@
# The same in one script, without a folder.
build/inline.stamp: $(PAGE) $(SCRIPTS) $(PACKED) wasm/generated/exports.js node_modules/.package-lock.json
	$(call say,VITE,dist/normlab-element.inline.js)
	$(Q)node_modules/.bin/vite build web --config web/vite.element.config.ts --mode inline --logLevel warn >&2
	@touch $@
element: build/element.stamp build/inline.stamp

# The element for bundlers, as the package has it.
build/package.stamp: $(PAGE) $(SCRIPTS) $(MODULES) wasm/generated/exports.js node_modules/.package-lock.json
	$(call say,VITE,dist/element)
	$(Q)rm -rf dist/element
	$(Q)node_modules/.bin/vite build web --config web/vite.package.config.ts --logLevel warn >&2
	$(Q)$(TSC) -p web/tsconfig.package.json
	@touch $@
package: build/package.stamp

# The whole page as a file that opens from disk.
build/single.stamp: $(PAGE) $(SCRIPTS) $(PACKED) wasm/generated/exports.js node_modules/.package-lock.json
	$(call say,VITE,dist/normlab.html)
	$(Q)node_modules/.bin/vite build web --config web/vite.single.config.ts --logLevel warn >&2
	@touch $@
single: build/single.stamp

build: modules types page element package single ## the modules, their binding and types; in dist/ the site, the element and the page as one file

start: build ## build what is missing and serve the page at http://127.0.0.1:$PORT
	@node wasm/tools/serve.mjs preview '$(PORT)'

dev: modules node_modules/.package-lock.json ## serve the page from its sources, rebuilding on change
	@node wasm/tools/serve.mjs dev '$(PORT)'

dist: build ## the site and the npm package in dist/
	$(call say,PACK,dist)
	$(Q)npm pack --pack-destination dist --loglevel=error

data: node_modules/.package-lock.json ## pack Fashion-MNIST from the IDX files in IDX_DIR
	@if [ '$(IDX_DIR)' = /usr/share/datasets/fashion-mnist ]; then $(SETUP) data; fi
	@node wasm/tools/pack-data.mjs '$(IDX_DIR)'

# ---- tests ------------------------------------------------------------------------------------------------------------

# The same C under the sanitizers, twice: the scalar path, and the simd128 path by way of SIMDe.
NATIVE_FLAGS.scalar :=
NATIVE_FLAGS.simde := -DNL_VEC_SIMDE
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Werror
# In the engine, values never narrow unseen; the tests may be looser.
ENGINE_WARNINGS := -Wconversion -Wno-sign-conversion
NATIVE_CFLAGS := -std=c11 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
  -ffp-contract=off -Isrc -Itests/c
TEST_SOURCES := $(wildcard tests/c/test_*.c)
TEST_SHARED := $(filter-out $(TEST_SOURCES),$(wildcard tests/c/*.c))

define native
NATIVE_OBJECTS.$(1) := $$(patsubst %.c,build/native/$(1)/%.o,$$(SOURCES) $$(TEST_SHARED))
PROGRAMS.$(1) := $$(TEST_SOURCES:tests/c/%.c=build/native/$(1)/%)
TEST_OBJECTS.$(1) := $$(TEST_SOURCES:%.c=build/native/$(1)/%.o)
$$(NATIVE_OBJECTS.$(1)) $$(TEST_OBJECTS.$(1)): build/native/$(1)/%.o: %.c build/native.env Makefile
	$$(call say,CC,$$<  (native $(1)))
	@mkdir -p $$(@D)
	$$(Q). build/native.env; $$$$NATIVE_CC $$(NATIVE_CFLAGS) $$(NATIVE_FLAGS.$(1)) -MMD -MP -c $$< -o $$@
$$(PROGRAMS.$(1)): build/native/$(1)/%: build/native/$(1)/tests/c/%.o $$(NATIVE_OBJECTS.$(1)) build/sources
	$$(call say,LINK,$$@)
	$$(Q). build/native.env; $$$$NATIVE_CC -fsanitize=address,undefined $$(filter %.o,$$^) -lcmocka -lm -o $$@
-include $$(NATIVE_OBJECTS.$(1):.o=.d) $$(TEST_OBJECTS.$(1):.o=.d)
endef
$(foreach b,scalar simde,$(eval $(call native,$b)))
C_TESTS := $(PROGRAMS.scalar) $(PROGRAMS.simde)

# libFuzzer targets: any bytes as calls of the public header, over the path that the shipped modules take. Without a clang
# that has libFuzzer nothing is made, and the tests say so.
FUZZ_CFLAGS := -std=c11 -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
  -fno-sanitize-recover=all -ffp-contract=off $(NATIVE_FLAGS.simde) -Isrc -Itests/fuzz
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_SHARED := $(filter-out $(FUZZ_SOURCES),$(wildcard tests/fuzz/*.c))
FUZZ_TARGETS := $(FUZZ_SOURCES:tests/fuzz/fuzz_%.c=%)
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=build/fuzz/fuzz_%)
FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(SOURCES) $(FUZZ_SHARED))
FUZZ_OWN_OBJECTS := $(FUZZ_SOURCES:%.c=build/fuzz/%.o)
with-fuzz-cc = . build/fuzz.env; [ -n "$$FUZZ_CC" ] || exit 0; $$FUZZ_CC
$(FUZZ_OBJECTS) $(FUZZ_OWN_OBJECTS): build/fuzz/%.o: %.c build/fuzz.env Makefile
	$(call say,CC,$<  (fuzz))
	@mkdir -p $(@D)
	$(Q)$(with-fuzz-cc) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@
$(FUZZ_PROGRAMS): build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o $(FUZZ_OBJECTS) build/sources
	$(call say,LINK,$@)
	$(Q)$(with-fuzz-cc) -fsanitize=fuzzer,address,undefined $(filter %.o,$^) -lm -o $@
-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_OWN_OBJECTS:.o=.d)
build/fuzz/seeds.stamp: tests/fuzz/seeds.mjs Makefile | setup-node
	$(Q)rm -rf build/fuzz/seeds
	$(Q)node $< build/fuzz/seeds $(FUZZ_TARGETS)
	@touch $@
FUZZ_ALL := build/fuzz.env build/fuzz/seeds.stamp $(FUZZ_PROGRAMS)

# A mutant is to fail an assertion and no sanitizer: without them its source compiles in a quarter of the time. All other
# objects are those of the tests.
MUTANT_CFLAGS := -std=c11 -O1 -ffp-contract=off -Isrc
MUTANT_ENV = MUTANT_CFLAGS='$(MUTANT_CFLAGS)' MUTANT_LINK='-fsanitize=address,undefined -lcmocka -lm' \
  MUTANT_OBJECTS='$(NATIVE_OBJECTS.scalar)'
MUTANT_BASE := $(NATIVE_OBJECTS.scalar) $(TEST_OBJECTS.scalar)

# Node 20 has relaxed SIMD behind a flag.
NODE = node $(shell node wasm/tools/node-flags.mjs)
run-tests = . build/native.env; export NATIVE_CC; C_TESTS='$(C_TESTS)' FUZZ_TARGETS='$(FUZZ_TARGETS)' $(MUTANT_ENV) \
  $(NODE) wasm/tools/test.mjs

test: build setup-browsers setup-examples setup-testdata build/native.env $(C_TESTS) $(FUZZ_ALL) ## all tests: C under sanitizers, Node, browsers
	@$(run-tests) c mutants node browser
test-c: build/native.env $(C_TESTS) $(FUZZ_ALL) node_modules/.package-lock.json ## the C tests alone
	@$(run-tests) c
test-mutants: build/native.env $(MUTANT_BASE) | setup-node ## wrong formulas alone, each of which the C tests must catch
	@$(run-tests) mutants
# What is found beside the seeds is kept for the next time.
SECONDS ?= 60
TARGET ?= $(FUZZ_TARGETS)
fuzz: build/native.env $(FUZZ_ALL) ## give libFuzzer SECONDS=60 for each target (TARGET=norm|model)
	$(Q). build/native.env; . build/fuzz.env; [ -n "$$FUZZ_CC" ] || exit 1; for target in $(TARGET); do \
	  mkdir -p build/fuzz/found/$$target; \
	  $$NATIVE_RUN build/fuzz/fuzz_$$target -max_total_time=$(SECONDS) -timeout=20 -max_len=1024 \
	    -artifact_prefix=build/fuzz/$$target- build/fuzz/found/$$target build/fuzz/seeds/$$target; done
test-node: modules types element package setup-testdata ## the Node tests alone
	@$(run-tests) node
test-browser: build setup-browsers setup-examples ## the browser tests alone
	@$(run-tests) browser

# ---- checks -----------------------------------------------------------------------------------------------------------

C_FILES := $(sort $(wildcard wasm/*.c src/*.[ch] src/*/*.[ch] src/*/*/*.[ch] tests/c/*.[ch] tests/fuzz/*.[ch]))

check: check-c-format check-c check-js check-types check-bindings check-lock ## formatting, lint, warnings, types, header against binding
	@echo 'All checks passed.'

.PHONY: check-c-format check-c check-js check-types check-bindings check-lock
check-c-format: | setup-check
	$(call say,CHECK,format of C)
	$(Q)clang-format --dry-run --Werror $(C_FILES)

# Each source by two compilers, in both native builds, with every warning an error.
define strict
STRICT_OBJECTS.$(1).$(2) := $$(patsubst %.c,build/check/$(1)/$(2)/%.o,$$(SOURCES) $$(TEST_SHARED) $$(TEST_SOURCES) $$(FUZZ_SHARED) \
  $$(FUZZ_SOURCES))
$$(STRICT_OBJECTS.$(1).$(2)): build/check/$(1)/$(2)/%.o: %.c Makefile | setup-check
	@mkdir -p $$(@D)
	$$(Q)$(1) -std=c11 -O2 $$(WARNINGS) $$(if $$(filter src/%,$$<),$$(ENGINE_WARNINGS)) $$(NATIVE_FLAGS.$(2)) -Isrc -Itests/c -MMD -MP -c $$< -o $$@
STRICT_OBJECTS += $$(STRICT_OBJECTS.$(1).$(2))
-include $$(STRICT_OBJECTS.$(1).$(2):.o=.d)
endef
$(foreach c,gcc clang,$(foreach b,scalar simde,$(eval $(call strict,$c,$b))))
check-c: $(STRICT_OBJECTS)
	$(call say,CHECK,warnings of gcc and clang)

check-js: node_modules/.package-lock.json
	$(call say,CHECK,format and lint of JavaScript)
	$(Q)node_modules/.bin/biome check --error-on-warnings .

check-types: types node_modules/.package-lock.json
	$(call say,CHECK,types)
	$(Q)$(TSC) -p tsconfig.tools.json
	$(Q)$(TSC) -p web

check-bindings: modules node_modules/.package-lock.json
	$(call say,CHECK,modules against src/normlab.h)
	$(Q)$(NODE) wasm/tools/bindings.mjs check src/normlab.h wasm/generated $(MODULES)

# npm asks the registry that it is configured for; a lockfile that names one would overrule it.
check-lock:
	$(call say,CHECK,package-lock.json)
	@if grep -n '"resolved"' package-lock.json; then echo 'package-lock.json names where packages come from' >&2; exit 1; fi

format: node_modules/.package-lock.json | setup-check ## rewrite C and JavaScript in the house's format
	clang-format -i $(C_FILES)
	node_modules/.bin/biome check --write .

# ---- figures ----------------------------------------------------------------------------------------------------------

bench: modules node_modules/.package-lock.json ## measure in Node, a JSON line each (ARGS)
	@$(NODE) tests/bench/bench.mjs $(ARGS)

bench-browser: build setup-browsers ## measure in Chromium and Firefox, a JSON line each (ARGS)
	@$(NODE) tests/bench/browser.mjs $(ARGS)

bench-peers: modules node_modules/.package-lock.json ## measure beside the peers that are installed, with ratios (ARGS)
	@$(NODE) tests/bench/peers.mjs $(ARGS)

setup-peers: build/peers/node_modules/.package-lock.json ## install tfjs-wasm, onnxruntime-web and ConvNetJS for bench-peers
build/peers/node_modules/.package-lock.json: tests/bench/peers/packages.json | setup-node
	$(call say,NPM,build/peers)
	@mkdir -p build/peers
	@cp $< build/peers/package.json
	$(Q)npm install --prefix build/peers --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

size: build ## bytes of the modules, the element and the page, raw and after gzip
	@node wasm/tools/size.mjs $(MODULES) $(wildcard dist/normlab*.*) $(wildcard dist/normlab-element/*.*) dist/site

clean: ## remove all that was built
	rm -rf build dist wasm/modules wasm/generated wasm/types
