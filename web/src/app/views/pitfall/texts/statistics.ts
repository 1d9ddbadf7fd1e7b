import { type Group, github } from '../scenario';

export const statistics: Group = {
  title: 'Statistics and momentum',
  scenarios: [
    {
      id: 'momentum',
      symptom: 'A model ported from Keras or TensorFlow, with its momentum of 0.9, validates badly in PyTorch.',
      cause:
        'Keras’s momentum is the weight of the old value, PyTorch’s that of the new one. 0.9 in Keras is 0.1 in PyTorch; taken over as it is, the running statistics are hardly more than those of the last batch.',
      formula: [
        tex`\displaystyle \text{running} \leftarrow (1 - \text{momentum}) \cdot \text{running}`,
        tex`\displaystyle {} + \text{momentum} \cdot \text{batch}`,
      ],
      fix: 'Take 1 − 0.9 = 0.1.',
      links: [github('pytorch/examples/issues/289'), github('huggingface/transformers/issues/19454')],
      wrong: 'nn.BatchNorm2d(64, momentum=0.9, eps=1e-3)',
      right: `# Keras: BatchNormalization(momentum=0.9, epsilon=1e-3)
nn.BatchNorm2d(64, momentum=0.1, eps=1e-3)`,
    },
    {
      id: 'cumulative',
      symptom: 'With momentum=None eval mode is behind train mode, the more so the faster the network learns.',
      cause:
        'None is the cumulative average: every batch since the last reset counts alike. That is right for weights that stand still. In training, half of the average comes from the weights of the first half, which are gone. And 0 is not None: momentum=0 never moves the first values.',
      formula: [tex`\displaystyle \text{momentum} = \frac{1}{\text{num\_batches\_tracked}}`],
      fix: 'Train with momentum 0.1.',
      links: [github('pytorch/pytorch/pull/5766'), github('pytorch/pytorch/issues/15298')],
      wrong: 'nn.BatchNorm1d(64, momentum=None)   # all through training',
      right: `nn.BatchNorm1d(64)                  # momentum=0.1
# None is for measuring, with weights that stand still:
bn.reset_running_stats()
bn.momentum = None
with torch.no_grad():
    for x, _ in loader:
        model(x)`,
    },
    {
      id: 'unbiased',
      symptom: 'running_var is not what I compute by hand: 1.1667 in place of 1.15.',
      cause:
        'BatchNorm divides by m where it normalizes, and by m − 1 in the variance that it keeps, as an estimate of that of all data. Keras and some others keep the one divided by m. With few values it shows: after one batch of three, eval mode differs from train mode even at momentum 1.',
      formula: [
        tex`\displaystyle \text{running\_var} \leftarrow 0.9 \cdot \text{running\_var}`,
        tex`\displaystyle {} + 0.1 \cdot \sigma^2 \cdot \frac{m}{m - 1}`,
      ],
      fix: 'Multiply by m / (m − 1); and for Keras’s convention, keep the biased variance.',
      links: [github('pytorch/pytorch/issues/60528'), github('pytorch/pytorch/issues/19916')],
      wrong: `var = x.var(dim=(0, 2), unbiased=False)
expected = 0.9 * 1 + 0.1 * var         # 1.15`,
      right: `var = x.var(dim=(0, 2), unbiased=True)
expected = 0.9 * 1 + 0.1 * var         # 1.1667
torch.testing.assert_close(bn.running_var, expected)`,
    },
    {
      id: 'averaged',
      symptom: 'Averaged weights (SWA, EMA) score far below what they could.',
      cause:
        'Averaged weights have never seen a batch. The running statistics beside them are those of the last checkpoint, whose activations are others.',
      fix: 'Measure the statistics anew with the averaged weights: update_bn, or PreciseBN.',
      links: [github('mosaicml/composer/issues/624'), github('timgaripov/swa/issues/7')],
      wrong: `swa_model = AveragedModel(model)
# … swa_model.update_parameters(model)
swa_model.eval()`,
      right: `# … swa_model.update_parameters(model)
torch.optim.swa_utils.update_bn(train_loader, swa_model)
swa_model.eval()`,
    },
  ],
};
