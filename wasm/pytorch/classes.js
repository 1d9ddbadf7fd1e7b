/**
 * What PyTorch has no layer for, as Python.
 *
 * @type {Record<string, string>}
 */
export const CLASSES = {
  Residual: `class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)`,

  StandardizedConv2d: `class StandardizedConv2d(nn.Conv2d):
    """Weight Standardization: the weights of each output channel get mean 0 and variance 1 (arXiv 1903.10520)."""

    def forward(self, x):
        variance, mean = torch.var_mean(self.weight, [1, 2, 3], unbiased=False, keepdim=True)
        weight = (self.weight - mean) / (variance + 1e-5).sqrt()
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)`,

  RMSNorm: `class RMSNorm(nn.Module):
    """What PyTorch has as nn.RMSNorm from 2.4 on."""

    def __init__(self, shape, eps=None, elementwise_affine=True):
        super().__init__()
        shape = [shape] if isinstance(shape, int) else shape
        self.dims = tuple(range(-len(shape), 0))
        self.eps = torch.finfo(torch.float32).eps if eps is None else eps
        self.weight = nn.Parameter(torch.ones(shape)) if elementwise_affine else None

    def forward(self, x):
        x = x * torch.rsqrt(x.pow(2).mean(self.dims, keepdim=True) + self.eps)
        return x if self.weight is None else x * self.weight`,

  BiasedBatchNorm: `class BiasedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm whose running variance is of the biased ones (divisor m), as in Keras; PyTorch's is of divisor m - 1."""

    def _check_input_dim(self, x):
        pass  # any number of dimensions will do

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        y = F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)
        with torch.no_grad():
            variance, mean = torch.var_mean(x, [0, *range(2, x.dim())], unbiased=False)
            self.num_batches_tracked += 1
            share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance, share)
        return y`,

  BatchRenorm: `class BatchRenorm(nn.modules.batchnorm._BatchNorm):
    """Batch Renormalization: BatchNorm brought to what the running statistics would give (arXiv 1702.03275)."""

    def __init__(self, features, r_max=3.0, d_max=5.0, unbiased=True, **options):
        super().__init__(features, **options)
        self.r_max, self.d_max, self.unbiased = r_max, d_max, unbiased

    def _check_input_dim(self, x):
        pass  # any number of dimensions will do

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        with torch.no_grad():  # the paper takes r and d as constants in the backward pass
            dims = [0, *range(2, x.dim())]
            variance, mean = torch.var_mean(x, dims, unbiased=False)
            running = (self.running_var + self.eps).sqrt()
            r = ((variance + self.eps).sqrt() / running).clamp(1 / self.r_max, self.r_max)
            d = ((mean - self.running_mean) / running).clamp(-self.d_max, self.d_max)
        # (xhat * r + d) * weight + bias
        weight, bias = (r, d) if self.weight is None else (self.weight * r, self.weight * d)
        bias = bias if self.bias is None else bias + self.bias
        y = F.batch_norm(x, None, None, weight, bias, True, 0.0, self.eps)
        with torch.no_grad():
            self.num_batches_tracked += 1
            share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(x.var(dims, unbiased=self.unbiased), share)
        return y`,

  without_bias: `def without_bias(norm):
    """Older versions of PyTorch have no such option."""
    norm.bias = None
    return norm`,
};
