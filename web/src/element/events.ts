/** The details of the events, which bubble and cross shadow roots. */
export interface Events {
  /** What the view needs is there. */
  'norm-lab-ready': { view: string; variant: string };
  /** Steps were made since the last event, up to this one: loss and accuracy (0 to 1) are those of its batch. */
  'norm-lab-step': { step: number; epoch: number; imagesPerSecond: number; loss: number; accuracy: number };
  /** Something does not go on, or a part of the state could not be read. Codes are those of `NormlabError`. */
  'norm-lab-error': { code: string; message: string };
}
