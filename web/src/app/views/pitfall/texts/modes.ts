import { type Group, github } from '../scenario';

export const modes: Group = {
  title: 'Training and evaluation differ',
  scenarios: [
    {
      id: 'forgot-eval',
      symptom: 'The same image gets another answer each time, depending on what else is in the batch.',
      cause:
        'A module is in train mode until eval() is called, and torch.no_grad() does not change that. In train mode BatchNorm normalizes each image with the mean and variance of the batch that it happens to be in: its companions have a say in its answer.',
      fix: 'Call model.eval() before the images are passed.',
      links: [github('pytorch/pytorch/issues/5406'), github('keras-team/keras/issues/12400')],
      wrong: `model.load_state_dict(torch.load("model.pt"))
with torch.no_grad():      # says nothing about the mode
    logits = model(images)`,
      right: `model.load_state_dict(torch.load("model.pt"))
model.eval()               # running statistics from here on
with torch.no_grad():
    logits = model(images)`,
    },
    {
      id: 'same-batch-twice',
      symptom: 'I passed one batch twice in train mode and the outputs were equal: so the mode does not matter?',
      cause:
        'Examples that show the danger of a forgotten eval() often pass the same batch twice and say that the outputs differ. With BatchNorm they do not: in train mode a batch is normalized by its own statistics, which are the same both times. What does change is the running statistics, even under no_grad(), so that eval mode gives something else afterwards. To see the mode, put one sample into two different batches.',
      fix: 'Call eval(), then pass the same batches.',
      links: [github('pytorch/vision/issues/2079')],
      wrong: `model.train()
same = torch.equal(model(batch), model(batch))  # True: proves nothing`,
      right: `x = batch[:1]
a = model(torch.cat([x, others]))[0]
b = model(torch.cat([x, strangers]))[0]
depends = not torch.allclose(a, b)   # True in train mode
model.eval()                         # from here on False`,
    },
    {
      id: 'cold-statistics',
      symptom: 'Training goes well, validation is near chance at first, jumps about, and comes right much later.',
      cause:
        'Running mean and variance begin at 0 and 1 and take over a share of each batch. Until the first values have faded, eval mode normalizes with numbers that have nothing to do with the data, and each layer makes it worse for the next. At 0.01, which is Keras’s 0.99, that takes hundreds of steps.',
      formula: [
        tex`\displaystyle \text{share of the first values after } t \text{ steps}`,
        tex`\displaystyle {} = (1 - \text{momentum})^t`,
      ],
      fix: 'Train the same network with momentum 0.1 in place of 0.01.',
      links: [github('keras-team/keras/issues/10666'), github('tensorflow/tensorflow/issues/36446')],
      wrong: `# Keras: BatchNormalization(momentum=0.99), the default
nn.BatchNorm1d(64, momentum=0.01)`,
      right: `# Keras: BatchNormalization(momentum=0.9)
nn.BatchNorm1d(64, momentum=0.1)     # PyTorch's default
# or measured anew, after training:
torch.optim.swa_utils.update_bn(train_loader, model)`,
    },
    {
      id: 'no-running-stats',
      symptom: 'eval() makes no difference: answers still depend on the batch, and one image alone is an error.',
      cause:
        'With track_running_stats=False there are no running statistics, and batch statistics are used in eval mode too. PyTorch’s message then says “when training”, though the model is not.',
      fix: 'Train the same network with running statistics.',
      links: [github('pytorch/pytorch/issues/156051'), github('pytorch/pytorch/issues/37823')],
      wrong: `nn.BatchNorm1d(256, track_running_stats=False)
model.eval()          # and still batch statistics`,
      right: `nn.BatchNorm1d(256)   # track_running_stats=True
model.eval()`,
    },
    {
      id: 'thawed',
      symptom: 'I froze the BatchNorm layers for fine-tuning, and the pretrained network still gets worse.',
      cause:
        'requires_grad=False holds weight and bias; running statistics are no parameters and move with every forward pass in train mode. Setting the layers to eval mode helps until the next model.train(), which every training loop calls at each epoch, and which reaches all modules below.',
      fix: 'Keep the layers in eval mode through train(), as FrozenBatchNorm2d does.',
      links: [github('pytorch/pytorch/issues/86590'), github('pgniewko/gt-pyg/issues/112')],
      wrong: `for m in model.modules():
    if isinstance(m, nn.BatchNorm2d):
        m.eval()
for epoch in range(epochs):
    model.train()     # thaws them all`,
      right: `class Net(nn.Module):
    def train(self, mode=True):
        super().train(mode)
        for m in self.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.eval().requires_grad_(False)
        return self
# or torchvision.ops.FrozenBatchNorm2d`,
    },
    {
      id: 'class-sorted',
      symptom: 'Accuracy is fine with shuffle=True on the test loader and falls to pieces with shuffle=False.',
      cause:
        'Data in folders come class after class. In train mode a batch of one class is normalized by the mean of that class, and with the mean goes what its images have in common, which is what the network has to see. That the order matters at all is the sign that the model is in train mode.',
      fix: 'Call model.eval(): the order of the test images no longer matters.',
      links: [github('facebookarchive/C3D/issues/277'), github('openpifpaf/openpifpaf/pull/308')],
      wrong: `loader = DataLoader(ImageFolder("test"), batch_size=32)
for images, labels in loader:     # class after class
    logits = model(images)        # in train mode`,
      right: `model.eval()
for images, labels in loader:
    logits = model(images)
# in training: DataLoader(train_set, shuffle=True)`,
    },
  ],
};
