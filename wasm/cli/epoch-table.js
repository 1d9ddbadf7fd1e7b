import { percent, table, whole } from './report.js';

/** The table of epochs that every command which trains prints. */
export const epochTable = table(
  /** @type {import('./report.js').Column<import('./training.js').EpochResult>[]} */ ([
    { title: 'epoch', cell: ({ epoch }) => String(epoch) },
    { title: 'loss', width: 8, cell: ({ loss }) => loss.toFixed(4) },
    { title: 'accuracy', cell: ({ accuracy }) => percent(accuracy) },
    { title: 'test (eval mode)', cell: ({ testAccuracy }) => percent(testAccuracy) },
    { title: 'test (train mode)', cell: ({ testAccuracyTrainMode }) => percent(testAccuracyTrainMode) },
    { title: 'images/s', cell: ({ imagesPerSecond }) => whole(imagesPerSecond) },
  ]),
);
