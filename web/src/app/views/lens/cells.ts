import type { Four } from '../../../worker/lens-input';

/** A tensor as slices of H × W cells: a row of them for each image, a column for each channel. */
export interface Layout {
  shape: Four;
  /** Of a cell, in CSS pixels. */
  size: number;
  /** Between slices. */
  gap: number;
  width: number;
  height: number;
}

/** What is looked at. */
export interface Look {
  lit: (n: number, c: number) => boolean;
  cell: Four;
}

/** Room for the numbers of images and channels. */
const LEFT = 18;
const TOP = 16;
const TALLEST = 430;
const LARGEST = 24;
/** How much of its colour a cell that is not lit gives up. */
const DIM = 0.65;

export function layoutOf(shape: Four, room: number): Layout {
  const [N, C, H, W] = shape;
  const gap = C * W > 64 ? 3 : 5;
  const across = (room - LEFT - 2 - (C - 1) * gap) / (C * W);
  const down = (TALLEST - TOP - 2 - (N - 1) * gap) / (N * H);
  const size = Math.max(1.5, Math.floor(2 * Math.min(LARGEST, across, Math.max(down, 5))) / 2);
  const extent = (slices: number, cells: number) => slices * cells * size + (slices - 1) * gap + 2;
  return { shape, size, gap, width: LEFT + extent(C, W), height: TOP + extent(N, H) };
}

/** Left upper corner of a cell. */
function placeOf({ shape, size, gap }: Layout, [n, c, h, w]: Four): [number, number] {
  const [, , H, W] = shape;
  return [LEFT + 1 + c * (W * size + gap) + w * size, TOP + 1 + n * (H * size + gap) + h * size];
}

/** The cell at a point; between slices the nearest one, null beyond the numbers. */
export function cellAt({ shape, size, gap }: Layout, x: number, y: number): Four | null {
  const [N, C, H, W] = shape;
  if (x < LEFT - gap || y < TOP - gap) return null;
  const along = (at: number, slices: number, cells: number): [number, number] => {
    const slice = Math.max(0, Math.min(slices - 1, Math.floor(at / (cells * size + gap))));
    const inside = Math.floor((at - slice * (cells * size + gap)) / size);
    return [slice, Math.max(0, Math.min(cells - 1, inside))];
  };
  const [c, w] = along(x - LEFT - 1, C, W);
  const [n, h] = along(y - TOP - 1, N, H);
  return [n, c, h, w];
}

/** Where a key leads: arrows go on to the next slice at an edge, and from slice to slice with Shift. */
export function moved([N, C, H, W]: Four, [n, c, h, w]: Four, key: string, shift: boolean): Four | null {
  const [row, column] = [n * H + h, c * W + w];
  const at = (r: number, k: number): Four => {
    const [y, x] = [Math.max(0, Math.min(N * H - 1, r)), Math.max(0, Math.min(C * W - 1, k))];
    return [Math.floor(y / H), Math.floor(x / W), y % H, x % W];
  };
  const far = shift ? [H, W] : [1, 1];
  const [down, across] = far as [number, number];
  switch (key) {
    case 'ArrowRight':
      return at(row, shift && c === C - 1 ? column : column + across);
    case 'ArrowLeft':
      return at(row, shift && c === 0 ? column : column - across);
    case 'ArrowDown':
      return at(shift && n === N - 1 ? row : row + down, column);
    case 'ArrowUp':
      return at(shift && n === 0 ? row : row - down, column);
    case 'PageDown':
      return at(n === N - 1 ? row : row + H, column);
    case 'PageUp':
      return at(n === 0 ? row : row - H, column);
    case 'Home':
      return at(row, 0);
    case 'End':
      return at(row, C * W - 1);
    default:
      return null;
  }
}

const ROUND = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/** A round number that no value exceeds, so that the scale does not follow every breath of the values. */
export function roundExtent(values: Float32Array): number {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  if (!(most > 0) || !Number.isFinite(most)) return 1;
  const decade = 10 ** Math.floor(Math.log10(most));
  const factor = ROUND.find((one) => one * decade >= most * 0.999) ?? 10;
  return Number((factor * decade).toPrecision(2));
}

type Rgb = readonly [number, number, number];

export interface Palette {
  low: Rgb;
  middle: Rgb;
  high: Rgb;
  panel: Rgb;
  edge: string;
  ink: string;
  faint: string;
  lit: string;
}

export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const text = (name: string) => style.getPropertyValue(name).trim();
  const rgb = (name: string): Rgb => {
    const hex = Number.parseInt(text(name).slice(1), 16);
    return [(hex >> 16) & 255, (hex >> 8) & 255, hex & 255];
  };
  return {
    low: rgb('--cell-low'),
    middle: rgb('--cell-middle'),
    high: rgb('--cell-high'),
    panel: rgb('--panel'),
    edge: text('--hair'),
    ink: text('--ink'),
    faint: text('--ink-2'),
    lit: text('--norm'),
  };
}

const mix = (a: Rgb, b: Rgb, share: number): Rgb => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];
const css = ([r, g, b]: Rgb) => `rgb(${r | 0} ${g | 0} ${b | 0})`;

/** A tensor's colours, a pixel a cell, as slices lie in the figure. */
export interface Tiles {
  full: HTMLCanvasElement;
  dim: HTMLCanvasElement;
}

/** Mixes the colours once, so that another cell to look at costs copies alone. */
export function paintTiles(values: Float32Array, [N, C, H, W]: Four, extent: number, palette: Palette): Tiles {
  const paint = (dim: number): HTMLCanvasElement => {
    const tile = document.createElement('canvas');
    [tile.width, tile.height] = [C * W, N * H];
    const image = new ImageData(C * W, N * H);
    for (let i = 0; i < values.length; i++) {
      const [w, h, c, n] = [i % W, Math.floor(i / W) % H, Math.floor(i / (W * H)) % C, Math.floor(i / (W * H * C))];
      const share = Math.max(-1, Math.min(1, (values[i] as number) / extent || 0));
      const colour = mix(palette.middle, share < 0 ? palette.low : palette.high, Math.abs(share));
      image.data.set([...mix(colour, palette.panel, dim), 255], 4 * ((n * H + h) * C * W + c * W + w));
    }
    tile.getContext('2d')?.putImageData(image, 0, 0);
    return tile;
  };
  return { full: paint(0), dim: paint(DIM) };
}

export function drawCells(
  canvas: HTMLCanvasElement,
  layout: Layout,
  tiles: Tiles,
  { lit, cell }: Look,
  palette: Palette,
): void {
  const { width, height, shape, size } = layout;
  const ratio = globalThis.devicePixelRatio || 1;
  const [deviceWidth, deviceHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  // Setting the size clears the canvas and costs: only when it is another.
  if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
    canvas.width = deviceWidth;
    canvas.height = deviceHeight;
  }
  const pen = canvas.getContext('2d');
  if (!pen) return;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.imageSmoothingEnabled = false;
  const [N, C, H, W] = shape;
  const [across, down] = [W * size, H * size];
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const [left, top] = placeOf(layout, [n, c, 0, 0]);
      pen.fillStyle = palette.edge;
      pen.fillRect(left - 1, top - 1, across + 2, down + 2);
      pen.drawImage(lit(n, c) ? tiles.full : tiles.dim, c * W, n * H, W, H, left, top, across, down);
    }
  }
  if (size >= 6) drawGrid(pen, layout, palette);
  pen.lineWidth = 2;
  pen.strokeStyle = palette.lit;
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const [left, top] = placeOf(layout, [n, c, 0, 0]);
      if (lit(n, c)) pen.strokeRect(left - 1, top - 1, across + 2, down + 2);
    }
  }
  drawNumbers(pen, layout, palette, cell);
  const [x, y] = placeOf(layout, cell);
  pen.strokeStyle = css(palette.panel);
  pen.strokeRect(x + 1, y + 1, size - 2, size - 2);
  pen.strokeStyle = palette.ink;
  pen.strokeRect(x - 1, y - 1, size + 2, size + 2);
}

/** Fine lines between the cells of each slice. */
function drawGrid(pen: CanvasRenderingContext2D, layout: Layout, palette: Palette): void {
  const [N, C, H, W] = layout.shape;
  const { size } = layout;
  pen.lineWidth = 1;
  pen.strokeStyle = css(palette.panel);
  pen.beginPath();
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const [left, top] = placeOf(layout, [n, c, 0, 0]);
      for (let w = 1; w < W; w++) {
        pen.moveTo(left + w * size, top);
        pen.lineTo(left + w * size, top + H * size);
      }
      for (let h = 1; h < H; h++) {
        pen.moveTo(left, top + h * size);
        pen.lineTo(left + W * size, top + h * size);
      }
    }
  }
  pen.stroke();
}

/** The numbers of channels above and of images at the side; as many as there is room for. */
function drawNumbers(pen: CanvasRenderingContext2D, layout: Layout, palette: Palette, cell: Four): void {
  const [N, C, H, W] = layout.shape;
  pen.font = '11px ui-monospace, Menlo, Consolas, monospace';
  const write = (text: number, x: number, y: number, here: boolean) => {
    pen.fillStyle = here ? palette.ink : palette.faint;
    pen.fillText(String(text), x, y);
  };
  const room = W * layout.size + layout.gap;
  pen.textAlign = 'center';
  for (let c = 0; c < C; c++) {
    if (room < 16 && c !== cell[1] && (c % 2 || Math.abs(c - cell[1]) < 2)) continue;
    write(c, placeOf(layout, [0, c, 0, 0])[0] + (W * layout.size) / 2, TOP - 5, c === cell[1]);
  }
  pen.textAlign = 'right';
  for (let n = 0; n < N; n++) {
    write(n, LEFT - 6, placeOf(layout, [n, 0, 0, 0])[1] + (H * layout.size) / 2 + 4, n === cell[0]);
  }
}
