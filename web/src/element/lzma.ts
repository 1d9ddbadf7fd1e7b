/*
 * Takes bytes out of a `.lzma` file. Modules are a fifth smaller in it than gzipped, and small whatever the server does: few
 * compress WebAssembly by themselves. As described in https://7-zip.org/sdk.html, lzma-specification.txt.
 */

/** States after a literal are below this. */
const LITERAL_STATES = 7;
/** A position slot has so many states that go by the match's length. */
const LENGTH_STATES = 4;

/** Probabilities, of which all start at a half: where those of each kind begin. */
const IS_MATCH = 0;
const IS_REP = IS_MATCH + (12 << 4);
const IS_REP_G0 = IS_REP + 12;
const IS_REP_G1 = IS_REP_G0 + 12;
const IS_REP_G2 = IS_REP_G1 + 12;
const IS_REP0_LONG = IS_REP_G2 + 12;
const SLOT = IS_REP0_LONG + (12 << 4);
const SPECIAL = SLOT + LENGTH_STATES * 64;
const ALIGN = SPECIAL + 128;
const LENGTH = ALIGN + 16;
/** Two choices, then lengths of 3 and 3 bits a position state, then of 8 bits. */
const LENGTH_SIZE = 2 + 2 * (16 << 3) + 256;
const REP_LENGTH = LENGTH + LENGTH_SIZE;
const LITERAL = REP_LENGTH + LENGTH_SIZE;

/** @throws Error for bytes that are none of such a file, or of a damaged one */
export function unlzma(packed: Uint8Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const properties = view.getUint8(0);
  const size = view.getUint32(5, true);
  const lc = properties % 9;
  const lp = Math.floor(properties / 9) % 5;
  const pb = Math.floor(properties / 45);
  if (pb > 4 || view.getUint32(9) !== 0) throw new Error('not an LZMA file of a known size');
  const out = new Uint8Array(size);
  const odds = new Uint16Array(LITERAL + (0x300 << (lc + lp))).fill(1024);
  let at = 0;
  let range = 0xffffffff;
  let code = view.getUint32(14);
  let next = 18;

  const normalize = () => {
    if (range >= 2 ** 24) return;
    if (next >= packed.length) throw new Error('the LZMA file ends too early');
    range = (range << 8) >>> 0;
    code = ((code << 8) | (packed[next++] as number)) >>> 0;
  };
  const bit = (i: number): 0 | 1 => {
    const odd = odds[i] as number;
    const bound = (range >>> 11) * odd;
    const one = code >= bound;
    if (one) {
      range -= bound;
      code -= bound;
      odds[i] = odd - (odd >> 5);
    } else {
      range = bound;
      odds[i] = odd + ((2048 - odd) >> 5);
    }
    normalize();
    return one ? 1 : 0;
  };
  const tree = (base: number, bits: number): number => {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | bit(base + node);
    return node - (1 << bits);
  };
  const reverse = (base: number, bits: number): number => {
    let [node, value] = [1, 0];
    for (let i = 0; i < bits; i++) {
      const b = bit(base + node);
      node = (node << 1) | b;
      value |= b << i;
    }
    return value;
  };
  const even = (bits: number): number => {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      range >>>= 1;
      const one = code >= range;
      if (one) code -= range;
      value = (value << 1) | (one ? 1 : 0);
      normalize();
    }
    return value;
  };
  const lengthOf = (base: number, position: number): number => {
    if (!bit(base)) return 2 + tree(base + 2 + (position << 3), 3);
    if (!bit(base + 1)) return 10 + tree(base + 2 + 128 + (position << 3), 3);
    return 18 + tree(base + 2 + 256, 8);
  };
  const distanceOf = (length: number): number => {
    const slot = tree(SLOT + 64 * Math.min(length - 2, LENGTH_STATES - 1), 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    if (slot < 14) return base + reverse(SPECIAL + base - slot, bits);
    return base + (even(bits - 4) << 4) + reverse(ALIGN, 4);
  };
  const literal = (state: number, rep0: number): void => {
    const before = at > 0 ? (out[at - 1] as number) : 0;
    const base = LITERAL + 0x300 * (((at & ((1 << lp) - 1)) << lc) + (before >> (8 - lc)));
    let node = 1;
    // After a match, the byte that it would have gone on with says where to look, as long as it agrees.
    if (state >= LITERAL_STATES) {
      let expected = out[at - rep0 - 1] as number;
      while (node < 0x100) {
        const wanted = (expected >> 7) & 1;
        expected <<= 1;
        const b = bit(base + ((1 + wanted) << 8) + node);
        node = (node << 1) | b;
        if (b !== wanted) break;
      }
    }
    while (node < 0x100) node = (node << 1) | bit(base + node);
    out[at++] = node;
  };

  let state = 0;
  let [rep0, rep1, rep2, rep3] = [0, 0, 0, 0];
  while (at < size) {
    const position = at & ((1 << pb) - 1);
    if (!bit(IS_MATCH + (state << 4) + position)) {
      literal(state, rep0);
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    let length = 1;
    if (!bit(IS_REP + state)) {
      length = lengthOf(LENGTH, position);
      [rep1, rep2, rep3] = [rep0, rep1, rep2];
      rep0 = distanceOf(length);
      state = state < LITERAL_STATES ? 7 : 10;
    } else {
      let again = true;
      if (!bit(IS_REP_G0 + state)) again = bit(IS_REP0_LONG + (state << 4) + position) === 1;
      else if (!bit(IS_REP_G1 + state)) [rep0, rep1] = [rep1, rep0];
      else if (!bit(IS_REP_G2 + state)) [rep0, rep1, rep2] = [rep2, rep0, rep1];
      else [rep0, rep1, rep2, rep3] = [rep3, rep0, rep1, rep2];
      if (again) length = lengthOf(REP_LENGTH, position);
      state = state < LITERAL_STATES ? (again ? 8 : 9) : 11;
    }
    if (rep0 >= at || length > size - at) throw new Error('the LZMA file is damaged');
    for (const end = at + length; at < end; at++) out[at] = out[at - rep0 - 1] as number;
  }
  return out;
}
