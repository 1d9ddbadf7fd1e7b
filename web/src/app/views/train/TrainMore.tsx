import '../../../styles/tables.css';
import '../../../styles/layers.css';
import type { LabModel } from '../../state/lab';
import { ImageGrid } from './ImageGrid';
import { LayerPanel } from './LayerPanel';

/** What Train shows beneath its curves: single images, and the network's layers. */
export function TrainMore({ lab }: { lab: LabModel }) {
  return (
    <>
      <ImageGrid lab={lab} />
      <LayerPanel lab={lab} />
    </>
  );
}
