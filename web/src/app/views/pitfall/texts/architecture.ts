import { arxiv, type Group, github } from '../scenario';

export const architecture: Group = {
  title: 'Architecture and deployment',
  scenarios: [
    {
      id: 'one-group',
      symptom: 'I replaced LayerNorm by GroupNorm(1, C), which is said to be the same, and the outputs differ.',
      cause:
        'GroupNorm with one group takes mean and variance over C · H · W of an image; LayerNorm(C), as Transformers and ConvNeXt have it, over the C channels at each position. The twin of GroupNorm(1, C) is LayerNorm([C, H, W]), which has a weight for each position besides.',
      fix: 'Move the channels last, use LayerNorm(C), move them back.',
      links: [github('pytorch/pytorch/issues/75862'), github('apple/ml-cvnets/issues/34')],
      wrong: 'nn.GroupNorm(1, C)(x)            # x: [N, C, H, W]',
      right: `norm = nn.LayerNorm(C)
y = norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)`,
    },
    {
      id: 'dropout',
      symptom: 'Adding dropout before BatchNorm makes the test accuracy worse.',
      cause:
        'In training dropout keeps a share of the values and makes them larger, so that the mean stays; the variance does not. BatchNorm remembers the larger variance and divides by it in eval mode, where nothing is dropped. Of zero-mean input exactly the share that is kept remains.',
      formula: [tex`\displaystyle \frac{\text{variance in eval mode}}{\text{variance in training}} = 1 - p`],
      fix: 'Put dropout behind the last BatchNorm.',
      links: [arxiv('1801.05134', 'Li et al.')],
      wrong: 'nn.Sequential(nn.Dropout(0.3), nn.BatchNorm1d(8))',
      right: 'nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.3))',
    },
    {
      id: 'bias',
      symptom: 'The bias of a convolution before BatchNorm has a gradient of zero and never learns.',
      cause:
        'BatchNorm takes the mean away, and with it whatever was added to all values of a channel. The bias costs memory and time, weight decay pulls it to 0, and nothing else happens to it.',
      formula: [tex`\displaystyle \operatorname{BN}(x + b) = \operatorname{BN}(x)`],
      fix: 'Leave the bias out: bias=False.',
      links: [github('milesial/Pytorch-UNet/issues/325')],
      wrong: 'nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16)',
      right: 'nn.Conv2d(1, 16, 3, bias=False), nn.BatchNorm2d(16)',
    },
    {
      id: 'folding',
      symptom: 'After folding BatchNorm into the convolutions (fusing, export) the outputs are others.',
      cause:
        'Folding multiplies the running statistics into the weights before them. That is what eval mode computes. A model that is still in train mode computes something else.',
      formula: [
        tex`\displaystyle g = \frac{\gamma}{\sqrt{\text{running\_var} + \varepsilon}},`,
        tex`\displaystyle W' = g W,`,
        tex`\displaystyle b' = g \cdot (b - \text{running\_mean}) + \beta`,
      ],
      fix: 'Call eval() first, then fold and compare.',
      links: [
        { href: 'https://discuss.pytorch.org/t/139598', label: 'discuss.pytorch.org 139598' },
        github('ultralytics/yolov5/issues/4034'),
      ],
      wrong: `reference = model(x)                 # still in train mode
model.eval()
folded = torch.ao.quantization.fuse_modules(model, pairs)
(folded(x) - reference).abs().max()`,
      right: `model.eval()
reference = model(x)
folded = torch.ao.quantization.fuse_modules(model, pairs)
(folded(x) - reference).abs().max()  # rounding`,
    },
  ],
};
