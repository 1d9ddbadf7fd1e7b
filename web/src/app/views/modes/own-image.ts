/** Side of the images that the network takes. */
export const SIDE = 28;

/** Grey values of a file's image, fitted into the square; what is left beside it has the background's grey. */
export async function readImage(file: Blob, invert: boolean): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser has no canvas to read images with');
  // Transparent images show what is behind them, which after inverting is to be black too.
  context.fillStyle = invert ? '#fff' : '#000';
  context.fillRect(0, 0, SIDE, SIDE);
  context.imageSmoothingQuality = 'high';
  const scale = SIDE / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [red = 0, green = 0, blue = 0] = data.subarray(4 * i, 4 * i + 3);
    const grey = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    return invert ? 255 - grey : grey;
  });
}

/** A soft stroke from one place to another, in pixels: light on what is there. */
export function stroke(pixels: Uint8Array, from: [number, number], to: [number, number]): Uint8Array {
  const drawn = pixels.slice();
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let step = 0; step <= steps; step++) {
    const x = from[0] + ((to[0] - from[0]) * step) / steps;
    const y = from[1] + ((to[1] - from[1]) * step) / steps;
    for (let row = Math.max(0, Math.floor(y - 2)); row < Math.min(SIDE, y + 2); row++) {
      for (let column = Math.max(0, Math.floor(x - 2)); column < Math.min(SIDE, x + 2); column++) {
        const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const light = 255 * Math.min(1, Math.max(0, 2 - distance));
        const at = row * SIDE + column;
        drawn[at] = Math.max(drawn[at] as number, light);
      }
    }
  }
  return drawn;
}
