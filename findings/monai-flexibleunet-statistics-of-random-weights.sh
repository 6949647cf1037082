#!/bin/sh
# MONAI 1.6.1
#
# Expected: a FlexibleUNet that was not pretrained, and whose loss fell over sixty steps of training, predicts as well
#   when it is set to evaluation.
# Seen: the batch norms of its encoder move their statistics by 0.01 a step (those of its decoder by 0.1, torch's default),
#   so that after sixty steps more than half of them is still that of the random weights of the start. In evaluation the
#   error is several times that of the same weights with statistics taken anew from the same images. Nothing says so;
#   the value is that of EfficientNet's long trainings, and no argument of FlexibleUNet changes it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check monai==1.6.1 torch==2.13.0 numpy==2.2.6
cd "$folder"
HOME="$folder" venv/bin/python - <<'PYTHON'
import torch
from monai.networks.nets import FlexibleUNet

torch.manual_seed(0)
torch.set_num_threads(2)
network = FlexibleUNet(in_channels=1, out_channels=1, backbone="efficientnet-b0", pretrained=False)
momenta = {
    part: {layer.momentum for layer in getattr(network, part).modules() if isinstance(layer, torch.nn.BatchNorm2d)}
    for part in ("encoder", "decoder")
}
print("momentum of batch norms", momenta)
assert momenta == {"encoder": {0.01}, "decoder": {0.1}}, "behaves otherwise now"

rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")


def films(count):
    """Bright discs on noise, and the discs alone."""
    centre = 16 + 32 * torch.rand(count, 2, 1, 1)
    disc = (((rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2) < 64).float()[:, None]
    return disc + 0.2 * torch.randn(count, 1, 64, 64), disc


optimiser = torch.optim.Adam(network.parameters(), 1e-3)
for step in range(60):
    image, disc = films(4)
    loss = torch.nn.functional.mse_loss(network(image), disc)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
print("loss of the last step", round(loss.item(), 4))
image, disc = films(64)


def error():
    network.eval()
    with torch.no_grad():
        return torch.nn.functional.mse_loss(network(image), disc).item()


as_trained = error()
network.train()
for layer in network.modules():
    if isinstance(layer, torch.nn.BatchNorm2d):
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all that is seen from here on
with torch.no_grad():
    for start in range(0, 64, 8):
        network(image[start : start + 8])
anew = error()
print("error in evaluation", round(as_trained, 4), "with statistics taken anew", round(anew, 4))
assert as_trained > 3 * anew, "behaves otherwise now"
PYTHON
