const IDX = `def read_idx(path):
    """The bytes of an IDX file, plain or gzipped, in its shape."""
    with open(path, "rb") if path.exists() else gzip.open(f"{path}.gz") as file:
        data = file.read()
    # Two zeros, the type of the values (8: bytes), the number of dimensions; then the dimensions; then the values.
    shape = struct.unpack_from(f">{data[3]}I", data, 4)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=4 + 4 * len(shape)).view(shape)


def read_split(folder, split):
    name = {"train": "train", "test": "t10k"}[split]
    images = read_idx(folder / f"{name}-images-idx3-ubyte")
    return images.unsqueeze(1).float() / 255, read_idx(folder / f"{name}-labels-idx1-ubyte").long()`;

const CIFAR = `def read_split(folder, split):
    names = {"train": "data_batch_*.bin", "test": "test_batch.bin"}[split]
    data = bytearray().join(path.read_bytes() for path in sorted(folder.glob(names)))
    rows = torch.frombuffer(data, dtype=torch.uint8).view(-1, 1 + 3 * 32 * 32)  # the label, then the channels
    return rows[:, 1:].reshape(-1, 3, 32, 32).float() / 255, rows[:, 0].long()`;

/** @param {number[]} shape of a sample */
function npz(shape) {
  const last = [...shape.slice(1), shape[0]];
  const turn = shape.length === 3 && `${last}` !== `${shape}`;
  return `def read_split(folder, split):
    arrays = numpy.load(folder / f"{split}.npz")
    images = torch.from_numpy(arrays["images"])
${turn ? `    if images.shape[1:] == (${last.join(', ')}):\n        images = images.permute(0, 3, 1, 2)  # channels first\n` : ''}\
    images = images.reshape(-1, ${shape.join(', ')}).float() / (255 if images.dtype == torch.uint8 else 1)
    return images, torch.from_numpy(arrays["labels"]).long()`;
}

/**
 * Python that reads what samples of this shape usually come in.
 *
 * @param {number[]} shape of a sample
 * @returns {{ files: string, reading: string[] }}
 */
export function dataset(shape) {
  const [files, read] =
    shape.length === 3 && shape[0] === 1
      ? ['the IDX files of Fashion-MNIST or MNIST, gzipped or not', IDX]
      : `${shape}` === '3,32,32'
        ? ["CIFAR-10's data_batch_1.bin and so on", CIFAR]
        : ['train.npz and test.npz with arrays images and labels', npz(shape)];
  const all = shape.map((_, index) => (index === 0 ? 0 : index + 1)).join(', ');
  const load = `def load_data(folder):
    """The splits for training and testing, both standardized by mean and deviation of the training images."""
    (images, labels), test = read_split(folder, "train"), read_split(folder, "test")
    std, mean = torch.std_mean(images, [${all}], unbiased=False, keepdim=True)
    return TensorDataset((images - mean) / std, labels), TensorDataset((test[0] - mean) / std, test[1])`;
  return { files, reading: [read, load] };
}
