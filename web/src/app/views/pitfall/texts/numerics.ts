import { arxiv, type Group, github } from '../scenario';

export const numerics: Group = {
  title: 'Numerics',
  scenarios: [
    {
      id: 'cancellation',
      symptom: 'The variance comes out as 0 or negative; outputs are far too large, or NaN.',
      cause:
        'E[x²] − E[x]² is exact on paper. In float32 both terms are rounded to 7 digits, and where the mean is large beside the deviation, the digits in which they differ are those that were rounded away.',
      formula: [
        tex`\displaystyle \text{relative error of the variance}`,
        tex`\displaystyle {} \approx 6 \cdot 10^{-8} \cdot \left(\frac{\text{mean}}{\text{deviation}}\right)^2`,
      ],
      fix: 'Take the mean away first: two passes, or Welford’s formula, as this engine does.',
      links: [github('pytorch/pytorch/issues/40302'), github('BVLC/caffe/issues/3963')],
      wrong: 'var = (x * x).mean(-1) - x.mean(-1) ** 2',
      right: `mean = x.mean(-1, keepdim=True)
var = ((x - mean) ** 2).mean(-1)
# which is x.var(-1, unbiased=False)`,
    },
    {
      id: 'half',
      symptom: 'NaN as soon as the model is in half precision (fp16); in float32 it is fine.',
      cause:
        'The least number above 0 in half precision is 6 · 10⁻⁸. An ε of 1e-8 or 1e-12 becomes 0, and a channel whose values are all the same is 0 / 0. Half precision is emulated here, by rounding after each operation.',
      formula: [tex`\displaystyle y = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}`],
      fix: 'Take ε = 1e-5, PyTorch’s default.',
      links: [github('pytorch/pytorch/issues/41527'), github('pytorch/pytorch/issues/66707')],
      wrong: `norm = nn.LayerNorm(768, eps=1e-12).half()
y = norm(x.half())`,
      right: `norm = nn.LayerNorm(768, eps=1e-5)
with torch.autocast("cuda"):      # statistics in float32
    y = norm(x)`,
    },
    {
      id: 'backward',
      symptom: 'BatchNorm written by hand trains, but worse than the library’s.',
      cause:
        'Mean and variance depend on every x of the batch, and the gradient flows through them too. Detached, or left out of the derivation, two of three terms are missing. gradcheck finds it in a second.',
      formula: [
        tex`\displaystyle dx = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} \,(dy - \operatorname{mean}(dy)`,
        tex`\displaystyle {} - \hat x \operatorname{mean}(dy \, \hat x))`,
      ],
      fix: 'Use the whole formula, as the engine does.',
      links: [github('facebookresearch/CrypTen/issues/143')],
      wrong: `with torch.no_grad():                 # cuts the graph
    mean = x.mean(0)
    var = x.var(0, unbiased=False)
y = (x - mean) / (var + eps).sqrt()`,
      right: `mean = x.mean(0)
var = x.var(0, unbiased=False)
y = (x - mean) / (var + eps).sqrt()
torch.autograd.gradcheck(f, x.double().requires_grad_())`,
    },
    {
      id: 'learning-rate',
      symptom: 'The loss goes to NaN or stays at ln 10 = 2.30 when the learning rate is raised.',
      cause:
        'A large step makes weights large, and without normalization activations and gradients with them: the next step is larger still. With BatchNorm the output of a layer does not change when its weights grow, and their gradient falls in proportion.',
      formula: [
        tex`\displaystyle \operatorname{BN}(a W x) = \operatorname{BN}(W x),`,
        tex`\displaystyle \frac{\partial L}{\partial (a W)} = \frac{1}{a} \cdot \frac{\partial L}{\partial W}`,
      ],
      fix: 'Put BatchNorm before each ReLU.',
      links: [arxiv('1502.03167', 'Ioffe & Szegedy'), github('karpathy/convnetjs/issues/114')],
      wrong: `nn.Sequential(nn.Linear(784, 256), nn.ReLU(), ...)
torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)`,
      right: `nn.Sequential(nn.Linear(784, 256), nn.BatchNorm1d(256),
              nn.ReLU(), ...)
torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)`,
    },
  ],
};
