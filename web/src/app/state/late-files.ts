import { complaint } from './files';
import type { LabModel } from './lab';

/** Opens files; what does so is fetched with the first. */
export async function openFiles(lab: LabModel, files: readonly File[]): Promise<void> {
  try {
    await (await import('./open-files')).openFiles(lab, files);
  } catch (error) {
    complaint.value = { title: 'Files could not be opened', lines: [String(error)] };
  }
}
