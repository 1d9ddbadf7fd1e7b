import { type Group, github } from '../scenario';

export const batches: Group = {
  title: 'Small or odd batches',
  scenarios: [
    {
      id: 'one-value',
      symptom: 'ValueError: Expected more than 1 value per channel when training, got input size torch.Size([1, 256])',
      cause:
        'One value has no variance, and PyTorch refuses to make one up. Often it is the last batch of an epoch, left with a single image: training stops after some minutes, and with another number of images it does not.',
      formula: [tex`\displaystyle \text{images} \bmod \text{batch size} = 1`],
      fix: 'Leave the last batch out where it is smaller: drop_last=True.',
      links: [github('pytorch/pytorch/issues/7716')],
      wrong: `loader = DataLoader(data, batch_size=32, shuffle=True)
# 65 = 2 · 32 + 1`,
      right: `loader = DataLoader(data, batch_size=32, shuffle=True,
                    drop_last=True)`,
    },
    {
      id: 'pooled',
      symptom: 'Batch size 1 works until global pooling: got input size torch.Size([1, 256, 1, 1])',
      cause:
        'What counts is not the number of images but that of values per channel. One image of 14 × 14 has 196. After AdaptiveAvgPool2d(1), as in DeepLab’s pooling branch or in split attention, it has one.',
      formula: [tex`\displaystyle m = N \cdot H \cdot W > 1`],
      fix: 'Normalize before pooling.',
      links: [github('jfzhang95/pytorch-deeplab-xception/issues/11'), github('zhanghang1989/ResNeSt/issues/46')],
      wrong: `nn.Sequential(
    nn.AdaptiveAvgPool2d(1),  # [N, C, 1, 1]
    nn.Conv2d(16, 16, 1, bias=False),
    nn.BatchNorm2d(16),       # m = N
    nn.ReLU())`,
      right: `nn.Sequential(
    nn.Conv2d(16, 16, 1, bias=False),
    nn.BatchNorm2d(16),       # m = N · H · W
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1))
# or nn.GroupNorm in its place`,
    },
    {
      id: 'last-batch',
      symptom: 'Validation right after an epoch is erratic; in the middle of one it is fine.',
      cause:
        'Each batch has the same weight in the running statistics, 10 %, however many images it holds. A last batch of 2 brings in the statistics of 2 images just before the validation.',
      formula: [tex`\displaystyle \text{weight of one image} = \frac{\text{momentum}}{N}`],
      fix: 'Leave the small last batch out: drop_last=True.',
      links: [github('conservationtechlab/animl-py/issues/330')],
      wrong: 'loader = DataLoader(data, batch_size=64, shuffle=True)',
      right: `loader = DataLoader(data, batch_size=64, shuffle=True,
                    drop_last=True)   # in training alone`,
    },
    {
      id: 'accumulation',
      symptom: 'With gradient accumulation the results are worse than with the large batch that it stands for.',
      cause:
        'Accumulating adds up gradients; statistics it cannot add up. Each micro-batch of 4 is normalized by its own mean and variance, which is another function than that of 32, with another gradient.',
      fix: 'Train both ways with GroupNorm in BatchNorm’s place.',
      links: [github('ultralytics/yolov5/issues/1630'), github('pytorch/pytorch/issues/46516')],
      wrong: `for i, (x, y) in enumerate(loader):    # batches of 4
    loss = criterion(model(x), y) / 8   # BatchNorm sees 4
    loss.backward()
    if i % 8 == 7:
        optimizer.step()
        optimizer.zero_grad()`,
      right: `# a normalization that looks at one image at a time
nn.GroupNorm(8, channels)
# or BatchNorm with its statistics held, in eval mode`,
    },
    {
      id: 'replicas',
      symptom: 'The same batch size trains worse on eight devices than on one.',
      cause:
        'Data-parallel replicas share gradients, not statistics: each BatchNorm sees its own shard. In detection and segmentation, with 2 to 4 images a device, those are poor estimates; the running ones are those of the first device alone.',
      fix: 'Share the statistics between the replicas: SyncBatchNorm.',
      links: [github('pytorch/pytorch/issues/24391'), github('pytorch/pytorch/issues/2584')],
      wrong: `model = Net().cuda(rank)
model = DistributedDataParallel(model, [rank])`,
      right: `model = nn.SyncBatchNorm.convert_sync_batchnorm(Net())
model = DistributedDataParallel(model.cuda(rank), [rank])`,
    },
    {
      id: 'leak',
      symptom: 'A pretext task or a forecast is solved almost perfectly, and the features are worth nothing.',
      cause:
        'In train mode the output of a sample depends on all others of its batch. Where the batch itself says something about the answer, as in contrastive learning or with windows of one time series, the network reads it from the statistics.',
      formula: [tex`\displaystyle \frac{\partial y_i}{\partial x_j} \ne 0`, tex`\displaystyle \text{ for } i \ne j`],
      fix: 'Normalize each sample by itself, with LayerNorm.',
      links: [github('facebookresearch/moco/issues/46')],
      wrong: 'nn.BatchNorm1d(16)        # mixes the samples of a batch',
      right: `nn.LayerNorm(16)          # or GroupNorm: one sample at a time
# MoCo shuffles the keys among devices before BatchNorm`,
    },
  ],
};
