/** Hands a file to the browser, which asks the reader, or its settings, where it is to go. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download has taken hold of it once this task is over.
  setTimeout(() => URL.revokeObjectURL(link.href));
}

export const textFile = (type: 'text/csv' | 'application/json', content: string) =>
  new Blob([content], { type: `${type};charset=utf-8` });

/** A line a row, empty where a row has no value: https://www.rfc-editor.org/rfc/rfc4180 */
export function csv(columns: readonly string[], rows: readonly Record<string, unknown>[]): string {
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(','));
  return `${[columns.join(','), ...lines].join('\r\n')}\r\n`;
}

function cell(value: unknown): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
