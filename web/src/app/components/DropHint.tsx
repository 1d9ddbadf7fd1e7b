import '../../styles/files.css';

/** Shown while files are dragged over the page. */
export default function DropHint() {
  return (
    <div class="drop-target">
      <p>
        Drop to open: a model file, PyTorch tensors (safetensors), or a data set (IDX images with their labels,
        CIFAR-10, npz). It stays in this page.
      </p>
    </div>
  );
}
