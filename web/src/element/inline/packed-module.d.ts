declare module 'virtual:packed-module' {
  /** The simd module as a .lzma file, in base64. */
  export const packed: string;
}
