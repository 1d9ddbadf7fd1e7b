/** How one curve looks. Colours are names of CSS custom properties, so that the theme decides. */
export interface CurveStyle {
  label: string;
  color: string;
  width: number;
  /** On and off in CSS pixels; train mode is dashed, eval mode solid. */
  dash?: number[];
  /** A large dot at each point, for curves with few of them. */
  points?: boolean;
  /** A letter at the curve's last point. */
  mark?: string;
  /** Opacity, 0 to 1, of a band about the curve. Its lower and upper ends are two columns of the data. */
  band?: number;
}

/** Columns of one length; the first, x, ascends. Where there is no value a line goes on to the next. */
export type Columns = readonly (readonly (number | null)[])[];

/** What a chart shows, whatever the data. */
export interface Chart {
  title: string;
  caption: string;
  /** Says what the canvas is to those who do not see it, and where its figures stand. */
  alternative: string;
  curves: CurveStyle[];
  /** Of the plot and its axes, in CSS pixels. */
  height: number;
  format: (value: number) => string;
  /** Lower and upper end of the y axis for the data at hand. */
  range: (data: Columns) => [number, number];
  x: {
    /** Lower and upper end for the largest x at hand. */
    range: (max: number | null) => [number, number];
    /** Where the ticks stand and what is written there; left out: round numbers. */
    ticks?: { values: number[]; format: (value: number) => string };
    /** Charts of one name and one lab share the pointer's position. */
    sync?: string;
  };
  /** What the legend says of a curve; the index is that of the pointer, null without one. */
  legend: (values: readonly (number | null)[], index: number | null) => string;
}

/** What stands in the place of a point that there is none of: a cross at the top of the chart. */
export interface Cross {
  x: number;
  color: string;
  /** Crosses of one x stand in rows, from 0. */
  row: number;
}

export interface Picture {
  /** x, then a column for each curve, then the lower and the upper end of each band in the order of the curves. */
  data: Columns;
  crosses?: Cross[];
}

export const TRAIN_DASH = [6, 4];
