import type { Chart, Columns, CurveStyle } from './chart';

/** Line style, name and value of every curve. */
export class Legend {
  readonly root = document.createElement('ul');
  readonly #values: HTMLElement[];

  constructor(
    readonly chart: Chart,
    onToggle: (index: number, show: boolean) => void,
  ) {
    this.root.className = 'legend';
    this.#values = chart.curves.map((curve, index) => {
      const value = document.createElement('output');
      const button = document.createElement('button');
      button.type = 'button';
      button.setAttribute('aria-pressed', 'true');
      button.append(lineSample(curve), curve.label, value);
      button.addEventListener('click', () => {
        const show = button.getAttribute('aria-pressed') === 'false';
        button.setAttribute('aria-pressed', String(show));
        onToggle(index, show);
      });
      const item = document.createElement('li');
      item.append(button);
      this.root.append(item);
      return value;
    });
  }

  update(data: Columns, index: number | null): void {
    this.#values.forEach((output, i) => {
      output.textContent = this.chart.legend(data[i + 1] ?? [], index);
    });
  }
}

function lineSample({ color, width, dash }: CurveStyle): SVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 28 6');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(namespace, 'line');
  for (const [name, value] of Object.entries({ x1: 0, y1: 3, x2: 28, y2: 3 })) line.setAttribute(name, String(value));
  line.style.stroke = `var(${color})`;
  line.style.strokeWidth = String(width);
  if (dash) line.style.strokeDasharray = dash.join(' ');
  svg.append(line);
  return svg;
}
