import '../../../styles/tables.css';
import '../../../styles/layers.css';
import { useEffect } from 'preact/hooks';
import type { LabModel } from '../../state/lab';
import { ImageGrid } from './ImageGrid';
import { LayerPanel } from './LayerPanel';

/** What Train shows beneath its curves: single images, and the network's layers. */
export function TrainMore({ lab }: { lab: LabModel }) {
  useEffect(() => lab.look(), [lab]);
  return (
    <>
      <ImageGrid lab={lab} />
      <LayerPanel lab={lab} />
    </>
  );
}
