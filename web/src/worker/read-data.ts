import type { Dataset, Engine } from 'normlab';
import { NormlabError } from 'normlab/core';
import { makeDataset } from 'normlab/training';
import type { Data } from './run';

/** A file of the reader's, and what its first bytes say of it. */
export interface Source {
  name: string;
  bytes: Uint8Array;
  /** Of what is inside where it is gzip. */
  head: Uint8Array;
}

export interface ReadData extends Data {
  /** What was decided where the files leave it open. */
  note: string;
}

export type DataKind = 'idx' | 'cifar10' | 'npz';

const TEST = /t10k|test|val/i;
/** The part of a set of everything that is kept for the test. */
const TEST_PART = 1 / 6;
/** Label and 3 × 32 × 32 bytes. */
const CIFAR_RECORD = 3073;

/** What kind of images a file holds; null: none that is known. */
export function dataKind({ name, bytes, head }: Source): DataKind | null {
  if (head[0] === 0x50 && head[1] === 0x4b) return 'npz';
  if (head[0] === 0 && head[1] === 0 && head[3] && head[3] <= 4 && (head[2] ?? 0) >= 8) return 'idx';
  const plain = head.subarray(0, 8).join() === bytes.subarray(0, 8).join();
  if (/\.bin(\.gz)?$/.test(name) && (!plain || bytes.length % CIFAR_RECORD === 0)) return 'cifar10';
  return null;
}

/** Reads all files as one data set, in two parts. */
export function readData(engine: Engine, kind: DataKind, sources: readonly Source[]): ReadData {
  const parts =
    kind === 'idx'
      ? idxParts(engine, sources)
      : kind === 'npz'
        ? npzParts(engine, sources)
        : cifarParts(engine, sources);
  return parts.test ? withTest(parts.train, parts.test) : divided(parts.train);
}

interface Parts {
  train: Dataset;
  test?: Dataset | undefined;
}

/** Pairs of images and labels: the test's are told by their names, and where these tell nothing, by being fewer. */
function idxParts(engine: Engine, sources: readonly Source[]): Parts {
  const images = sources.filter(({ head }) => head[3] === 3);
  const labels = sources.filter(({ head }) => head[3] !== 3);
  if (images.length !== labels.length || images.length > 2) {
    const [is, are] = [images, labels].map((all) => all.map(({ name }) => name).join(', ') || 'none');
    throw format(
      `IDX files come in pairs, images and their labels, to be opened together: one pair, or two with those of the test. Images came: ${is}. Labels came: ${are}.`,
    );
  }
  const isTest = ({ name }: Source) => TEST.test(name);
  const bySize = (a: Source, b: Source) => b.bytes.length - a.bytes.length;
  const inOrder = (pair: Source[]) =>
    pair.some(isTest) ? pair.sort((a, b) => Number(isTest(a)) - Number(isTest(b))) : pair.sort(bySize);
  inOrder(images);
  inOrder(labels);
  const read = (i: number) =>
    engine.idx((images[i] as Source).bytes, (labels[i] as Source).bytes, {
      imagesName: images[i]?.name as string,
      labelsName: labels[i]?.name as string,
    });
  return { train: read(0), ...(images.length === 2 && { test: read(1) }) };
}

function cifarParts(engine: Engine, sources: readonly Source[]): Parts {
  const read = (some: readonly Source[]) =>
    engine.cifar10(...some.map(({ bytes }) => bytes), { fileNames: some.map(({ name }) => name) });
  const test = sources.filter(({ name }) => TEST.test(name));
  const train = sources.filter((source) => !test.includes(source));
  if (train.length === 0 || test.length === 0) return { train: read(sources) };
  return { train: read(train), test: read(test) };
}

function npzParts(engine: Engine, sources: readonly Source[]): Parts {
  const read = ({ bytes, name }: Source) => engine.npz(bytes, { fileName: name });
  const test = sources.find(({ name }) => TEST.test(name));
  const [train, ...rest] = sources.filter((source) => sources.length === 1 || source !== test);
  if (!train || rest.length > 0) {
    throw format('Open one npz file, or two of which one has "test" in its name.');
  }
  return { train: read(train), ...(sources.length > 1 && test && { test: read(test) }) };
}

/** Bytes are standardized by the training part's mean and deviation in both parts, floats as they came. */
function withTest(train: Dataset, test: Dataset): ReadData {
  if (train.shape.join() !== test.shape.join() || train.images.constructor !== test.images.constructor) {
    throw format(
      `Training images are ${train.shape.join('×')}, test images ${test.shape.join('×')}: they must be alike.`,
    );
  }
  const classes = Math.max(train.classes, test.classes);
  const { mean, std } = train;
  return {
    train: makeDataset({ ...train, classes }),
    test: makeDataset({ ...test, classes, mean, std }),
    note: '',
  };
}

function divided(whole: Dataset): ReadData {
  const { length, images } = whole;
  if (length < 2) throw format('One image is too few: it takes some to train on and some to test with.');
  const tested = Math.max(1, Math.floor(length * TEST_PART));
  const train = whole.slice(0, length - tested);
  const { mean, std, ...rest } = train;
  const own = images instanceof Uint8Array ? makeDataset(rest) : train;
  return {
    ...withTest(own, whole.slice(length - tested)),
    note: `There is no test set among the files: the last ${tested} of ${length} images are kept for the test.`,
  };
}

const format = (message: string) => new NormlabError('format', message);
