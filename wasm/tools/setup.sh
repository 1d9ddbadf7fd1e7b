#!/usr/bin/env bash
# Installs what a make target needs and is missing. Does nothing, and says nothing, when nothing is.
#   setup.sh toolchain   compiler and linker of the wasm modules; writes build/toolchain.env
#   setup.sh node        Node itself; its packages are npm's part
#   setup.sh native      a C compiler whose sanitizers work, cmocka, SIMDe; writes build/native.env
#   setup.sh fuzz        a clang with libFuzzer; writes build/fuzz.env
#   setup.sh browsers    Chromium, Firefox and WebKitGTK, with what drives it and what it shows itself on
#   setup.sh check       clang-format, gcc and clang
#   setup.sh data        Debian's copy of Fashion-MNIST
#   setup.sh testdata    the same and PyTorch, which tests compare with, where they can be installed
#   setup.sh examples    Sphinx, Material for MkDocs and Jupyter's nbconvert, where they can be installed
# Packages are installed by apt-get, and by root only. Elsewhere one line says what is missing and how to get it.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build

say() { printf '  %-8s %s\n' SETUP "$*" >&2; }
die() {
  printf 'normlab: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
have_header() { for folder in /usr/include /usr/local/include /opt/homebrew/include; do [ -e "$folder/$1" ] && return 0; done; return 1; }
may_install() { have apt-get && [ "$(id -u)" = 0 ]; }

# Replaces file $1 by standard input, unless they are equal: make compares times.
write_if_changed() {
  cat >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

apt() { DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Use-Pty=0 "$@" >>build/setup.log 2>&1; }

# install PACKAGE...: from the lists at hand, and after an update if those are missing or old.
install() {
  may_install || die "missing: $*. As root on Debian 12: apt-get install $*"
  say "apt-get install $*"
  (
    # Two jobs of one make may both come here; apt-get takes one at a time.
    ! have flock || flock 9
    apt install --no-install-recommends "$@" || { apt update && apt install --no-install-recommends "$@"; }
  ) 9>build/setup.lock || {
    tail -n 15 build/setup.log >&2
    die "apt-get install $* failed; build/setup.log has all of it"
  }
}

# ---- the wasm modules -------------------------------------------------------------------------------------------------

# Whether `emcc -mrelaxed-simd` compiles, links and gives a module that Node accepts; also sets `stack`.
emcc_links_relaxed_simd() {
  local dir=build/probe
  rm -rf "$dir" && mkdir -p "$dir"
  cat >"$dir/probe.c" <<'C'
#include <wasm_simd128.h>
void nl_probe(float *x) {
  wasm_v128_store(x, wasm_f32x4_relaxed_madd(wasm_v128_load(x), wasm_v128_load(x + 4), wasm_v128_load(x + 8)));
}
C
  local flags=(-O2 -msimd128 -mrelaxed-simd -sSTANDALONE_WASM --no-entry -sEXPORTED_FUNCTIONS=_nl_probe)
  emcc "${flags[@]}" "$dir/probe.c" -o "$dir/probe.wasm" >"$dir/log" 2>&1 || return 1
  cat >"$dir/validate.mjs" <<'JS'
import { readFileSync } from 'node:fs';
process.exit(WebAssembly.validate(readFileSync(process.argv[2])) ? 0 : 1);
JS
  node "$dir/validate.mjs" "$dir/probe.wasm" 2>/dev/null ||
    node --experimental-wasm-relaxed-simd "$dir/validate.mjs" "$dir/probe.wasm" 2>/dev/null
}

# Emscripten's own name for the size of the stack changed in 3.1.25.
emcc_env() {
  local stack=STACK_SIZE version
  version=$(emcc -dumpversion 2>/dev/null || emcc --version | sed -nE '1s/.* ([0-9]+\.[0-9]+\.[0-9]+).*/\1/p')
  [ "$(printf '%s\n' 3.1.25 "${version%%[!0-9.]*}" | sort -V | head -n 1)" = 3.1.25 ] || stack=TOTAL_STACK
  cat <<ENV
WASM_CC='emcc'
WASM_LINK='emcc -O3 --no-entry -sSTANDALONE_WASM -sEXPORTED_FUNCTIONS=@build/exports.json -sALLOW_MEMORY_GROWTH -sMAXIMUM_MEMORY=2GB -s$stack=256KB'
WASM_LIBS=''
ENV
}

# LLVM's own compiler and linker against Emscripten's C library. The last library grows the memory without JavaScript.
# -disable-lsr, which emcc passes by itself, keeps an address a base and a constant that engines fold into the access: 0 to 8 %
# on kernels and training steps, and 6 KB. The simd module as Debian's emcc makes it (clang 14) is as fast on most works, 9 to
# 16 % slower on LayerNorm's backward pass, and 2 KB larger. wasm-opt -O3 of Binaryen 108 takes 8 KB off the simd module, changes
# no time by more than 2 %, and cannot read relaxed SIMD.
clang_env() {
  local sysroot
  sysroot=$(em-config CACHE 2>/dev/null)/sysroot
  [ -e "$sysroot/lib/wasm32-emscripten/libc.a" ] ||
    die "missing: Emscripten's C library in $sysroot. Run: embuilder build SYSTEM, or install emsdk 3.1.50 or newer"
  cat <<ENV
WASM_CC='clang-19 --target=wasm32-unknown-emscripten --sysroot=$sysroot -mllvm -disable-lsr'
WASM_LINK='wasm-ld-19 --no-entry -s --gc-sections @build/exports.rsp --allow-undefined-file=build/imports.txt -z stack-size=262144 --stack-first --max-memory=2147483648'
WASM_LIBS='-L$sysroot/lib/wasm32-emscripten -lc -ldlmalloc -lcompiler_rt -lstandalonewasm-memgrow'
ENV
}

stamp_of() { # what tells one installed emcc from the next
  local path folder
  path=$(readlink -f "$(command -v emcc)")
  folder=$(dirname "$path")
  ls -l --time-style=full-iso "$path" "$folder"/emscripten-version.txt /usr/share/emscripten/emscripten-version.txt 2>/dev/null |
    cksum | tr -d ' '
}

toolchain() {
  local wanted=${TOOLCHAIN:-auto} key kind
  case $wanted in auto | emcc | clang) ;; *) die "TOOLCHAIN must be auto, emcc or clang, got '$wanted'" ;; esac
  if ! have emcc; then
    may_install ||
      die 'missing: emcc. Install the Emscripten SDK (https://emscripten.org), or as root on Debian 12: apt-get install emscripten clang-19 lld-19'
    install emscripten
  fi
  # Debian's Emscripten looks for its JavaScript packages where Debian's Node does.
  [ ! -d /usr/share/nodejs/acorn ] || export NODE_PATH=/usr/share/nodejs

  key="# $wanted $(command -v emcc) $(stamp_of) $(cksum <"${BASH_SOURCE[0]}" | cut -d ' ' -f 1)"
  if [ -e build/toolchain.env ] && [ "$(head -n 1 build/toolchain.env)" = "$key" ]; then
    if ! grep -q '^WASM_CC=.clang' build/toolchain.env || { have clang-19 && have wasm-ld-19; }; then return; fi
  fi

  kind=$wanted
  if [ "$wanted" = auto ]; then
    if emcc_links_relaxed_simd; then kind=emcc; else kind=clang; fi
  fi
  if [ "$kind" = clang ] && ! { have clang-19 && have wasm-ld-19; }; then
    may_install ||
      die 'missing: clang-19 and wasm-ld-19, since this emcc cannot link relaxed SIMD. Install emsdk 3.1.50 or newer, or as root on Debian 12: apt-get install clang-19 lld-19'
    install clang-19 lld-19
  fi
  {
    echo "$key"
    [ -z "${NODE_PATH:-}" ] || echo "export NODE_PATH='$NODE_PATH'"
    if [ "$kind" = emcc ]; then emcc_env; else clang_env; fi
  } >build/toolchain.part
  write_if_changed build/toolchain.env <build/toolchain.part
  rm build/toolchain.part
}

# ---- Node -------------------------------------------------------------------------------------------------------------

node_version() {
  have node && have npm || die 'missing: Node.js 20 or newer with npm. See https://nodejs.org'
  local version
  version=$(node --version)
  [ "$(printf '%s\n' v20.19.0 "$version" | sort -V | head -n 1)" = v20.19.0 ] ||
    die "Node.js 20.19 or newer is needed, this is $version. See https://nodejs.org"
}

# ---- native tests -----------------------------------------------------------------------------------------------------

# sanitizes COMPILER [RUNNER...]: whether a program under both sanitizers compiles, runs, and finds a fault.
sanitizes() {
  local cc=$1 dir=build/probe
  shift
  mkdir -p "$dir"
  cat >"$dir/sanitize.c" <<'C'
#include <stdlib.h>
int main(int count, char **arguments) {
  volatile char *bytes = malloc(4);
  bytes[count == 1 ? 3 : 4] = (char)(arguments != 0);
  free((void *)bytes);
  return 0;
}
C
  "$cc" -g -fsanitize=address,undefined -fno-sanitize-recover=all "$dir/sanitize.c" -o "$dir/sanitize" >"$dir/log" 2>&1 &&
    "$@" "$dir/sanitize" >>"$dir/log" 2>&1 && ! "$@" "$dir/sanitize" overflow >>"$dir/log" 2>&1
}

native() {
  local packages=() cc key runner='' options=''
  have gcc || have clang || packages+=(gcc libc6-dev)
  have_header cmocka.h || packages+=(libcmocka-dev)
  have_header simde/wasm/simd128.h || packages+=(libsimde-dev)
  # Mutants are compiled by it in a hundredth of the time: 80 s in all, 110 without it.
  have tcc || ! may_install || packages+=(tcc)
  [ ${#packages[@]} = 0 ] || install "${packages[@]}"

  key="# $(command -v gcc || true) $(command -v clang || true)"
  if [ -e build/native.env ] && [ "$(head -n 1 build/native.env)" = "$key" ]; then return; fi
  # Older sanitizers die where the kernel scatters mappings over more than 28 bits.
  if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ] && have setarch && setarch -R true 2>/dev/null; then
    runner='setarch -R'
  fi
  for cc in gcc clang clang-19 none; do
    [ $cc != none ] || die 'missing: a C compiler with AddressSanitizer and UBSan. As root on Debian 12: apt-get install gcc libc6-dev'
    have $cc || continue
    # shellcheck disable=SC2086  # a runner of two words
    if sanitizes $cc env $runner; then break; fi
    # Leaks cannot be looked for where tracing is forbidden; all else can.
    # shellcheck disable=SC2086
    if ASAN_OPTIONS=detect_leaks=0 sanitizes $cc env $runner; then
      options=detect_leaks=0
      break
    fi
  done
  write_if_changed build/native.env <<ENV
$key
NATIVE_CC='$cc'
export NATIVE_RUN='$runner'
export ASAN_OPTIONS='$options'
ENV
}

# ---- fuzzing ----------------------------------------------------------------------------------------------------------

# fuzzes COMPILER: whether it has libFuzzer beside the sanitizers, and what it makes runs.
fuzzes() {
  local cc=$1 dir=build/probe
  have "$cc" || return 1
  mkdir -p "$dir"
  cat >"$dir/fuzz.c" <<'C'
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return data == NULL && size > 0; }
C
  # shellcheck disable=SC2086  # a runner of two words
  "$cc" -g -fsanitize=fuzzer,address,undefined "$dir/fuzz.c" -o "$dir/fuzz" >"$dir/log" 2>&1 &&
    env ${NATIVE_RUN:-} "$dir/fuzz" -runs=1 >>"$dir/log" 2>&1
}

# What tells one set of installed compilers from the next.
fuzz_key() {
  echo "# $(ls /usr/lib/llvm-*/bin/clang /usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*.a 2>/dev/null | cksum) $(command -v clang || true)"
}

fuzz() {
  native
  local cc found=''
  # shellcheck disable=SC1091
  . build/native.env
  if [ -e build/fuzz.env ] && [ "$(head -n 1 build/fuzz.env)" = "$(fuzz_key)" ]; then return; fi
  for cc in clang clang-14 clang-19; do
    if fuzzes $cc; then
      found=$cc
      break
    fi
  done
  if [ -z "$found" ] && { may_install || [ "${CI:-}" = true ]; }; then
    have clang || install clang
    # Its sanitizers and libFuzzer are a package of their own, which is named after the version.
    install "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    fuzzes clang || die 'clang is here, but nothing that -fsanitize=fuzzer makes runs; build/probe/log has why'
    found=clang
  fi
  [ -n "$found" ] || say 'no clang with libFuzzer: as root on Debian 12: apt-get install clang libclang-rt-14-dev'
  write_if_changed build/fuzz.env <<ENV
$(fuzz_key)
FUZZ_CC='$found'
ENV
}

# ---- browsers ---------------------------------------------------------------------------------------------------------

# first_of COMMAND...: the first that there is.
first_of() { for name; do have "$name" && return 0; done; return 1; }

browsers() {
  local packages=()
  [ -n "${CHROMIUM:-}" ] || first_of chromium chromium-browser google-chrome || packages+=(chromium)
  [ -n "${FIREFOX:-}" ] || first_of firefox-esr firefox || packages+=(firefox-esr)
  { have WebKitWebDriver && compgen -G '/usr/lib/*/webkit2gtk-4.1/MiniBrowser' >/dev/null; } || packages+=(webkit2gtk-driver)
  have Xvfb || packages+=(xvfb)
  [ ${#packages[@]} != 0 ] || return 0
  if may_install || [ "${CI:-}" = true ]; then
    install "${packages[@]}"
  else
    for package in "${packages[@]}"; do
      printf '\n  *** SKIPPED: the tests in a browser that is not here. As root on Debian 12: apt-get install %s ***\n\n' "$package" >&2
    done
  fi
}

# ---- the rest ---------------------------------------------------------------------------------------------------------

check() {
  local packages=()
  have clang-format || packages+=(clang-format)
  have gcc || packages+=(gcc libc6-dev)
  have clang || packages+=(clang)
  have_header cmocka.h || packages+=(libcmocka-dev)
  have_header simde/wasm/simd128.h || packages+=(libsimde-dev)
  [ ${#packages[@]} = 0 ] || install "${packages[@]}"
}

data() { [ -e /usr/share/datasets/fashion-mnist ] || install dataset-fashion-mnist; }

torch() { [ -n "${PYTHON:-}" ] || [ -e /usr/lib/python3/dist-packages/torch ] || install python3-torch; }

# All of Fashion-MNIST, which one test reads, and PyTorch; where they cannot be had, the tests that need them say so.
testdata() {
  if may_install || [ "${CI:-}" = true ]; then
    data
    torch
  fi
}

# What makes the sites of the examples; mkdocs comes with its theme, which also brings markdown_py.
examples() {
  local packages=() package
  may_install || [ "${CI:-}" = true ] || return 0
  for package in python3-sphinx mkdocs-material jupyter-nbconvert python3-ipykernel; do
    dpkg -s "$package" >/dev/null 2>&1 || packages+=("$package")
  done
  [ ${#packages[@]} = 0 ] || install "${packages[@]}"
}

for part; do
  case $part in
    toolchain | native | fuzz | browsers | examples | check | data | testdata) "$part" ;;
    node) node_version ;;
    *) die "setup.sh: unknown part '$part'" ;;
  esac
done
