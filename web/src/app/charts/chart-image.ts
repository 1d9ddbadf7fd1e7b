import type { CurveStyle } from './chart';

const MARGIN = 16;
const TITLE = 34;
const ROW = 20;
const COLUMN = 300;
const SAMPLE = 28;

interface Parts {
  title: string;
  plot: HTMLCanvasElement;
  /** Of the plot, in CSS pixels. */
  width: number;
  curves: CurveStyle[];
  /** The value of a CSS custom property. */
  color: (name: string) => string;
  font: string;
}

/** A chart as a PNG file: title, plot and legend on the panel's colour, in the plot's resolution. */
export function chartImage({ title, plot, width, curves, color, font }: Parts): Promise<Blob> {
  const scale = plot.width / width;
  const height = plot.height / scale;
  const columns = Math.max(1, Math.floor(width / COLUMN));
  const legend = Math.ceil(curves.length / columns) * ROW;
  const canvas = document.createElement('canvas');
  canvas.width = Math.round((width + 2 * MARGIN) * scale);
  canvas.height = Math.round((height + TITLE + legend + 2 * MARGIN) * scale);
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.scale(scale, scale);
  context.fillStyle = color('--panel');
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.translate(MARGIN, MARGIN);
  context.fillStyle = color('--ink');
  context.textBaseline = 'middle';
  context.font = `600 17px ${font}`;
  context.fillText(title, 0, 10);
  context.drawImage(plot, 0, TITLE, width, height);
  context.font = `13px ${font}`;
  curves.forEach((curve, i) => {
    const x = (i % columns) * (width / columns);
    const y = TITLE + height + (Math.floor(i / columns) + 0.5) * ROW;
    context.strokeStyle = color(curve.color);
    context.lineWidth = curve.width;
    context.setLineDash(curve.dash ?? []);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + SAMPLE, y);
    context.stroke();
    context.fillText(curve.label, x + SAMPLE + 8, y, width / columns - SAMPLE - 16);
  });
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the chart could not be encoded'))), 'image/png');
  });
}
