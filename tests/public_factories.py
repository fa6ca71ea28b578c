"""The eight public CIFAR-10 networks as a user would bring them, python:FILE.py:FACTORY; written apart from ours."""

import os
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, pad, relu

FOLDER = Path(os.environ.get("PUBLIC_FILES", "."))
OVAL = ((0.485, 0.456, 0.406), (0.225, 0.225, 0.225))
CIFAR = ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _loaded(network, file, colours):
    state = torch.load(FOLDER / file, weights_only=True, map_location="cpu")["state_dict"]
    state = state[0] if isinstance(state, list) else state
    network.load_state_dict({key.removeprefix("module."): value for key, value in state.items()})
    network.rt_encoder = {"input_size": 32, "mean": colours[0], "std": colours[1]}
    return network


def _small(file, a, b):
    convs = [nn.Conv2d(3, a, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(a, b, 4, stride=2, padding=1), nn.ReLU()]
    return _loaded(
        nn.Sequential(*convs, nn.Flatten(), nn.Linear(64 * b, 100), nn.ReLU(), nn.Linear(100, 10)), file, OVAL
    )


def small_8px():
    return _small("cifar_small_8px.pth", 16, 32)


def wide_kw():
    return _small("cifar_wide_kw.pth", 16, 32)


def base_kw():
    return _small("cifar_base_kw.pth", 8, 16)


def sgd_8px():
    return _small("cifar_sgd_8px.pth", 16, 32)


def deep_kw():
    layers = []
    for inputs, kernel, stride in ((3, 4, 2), (8, 3, 1), (8, 3, 1), (8, 4, 2)):
        layers += [nn.Conv2d(inputs, 8, kernel, stride=stride, padding=1), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(512, 100), nn.ReLU(), nn.Linear(100, 10)]
    return _loaded(nn.Sequential(*layers), "cifar_deep_kw.pth", OVAL)


class Block(nn.Module):
    def __init__(self, i, o, stride, norm):
        super().__init__()
        self.conv1, self.conv2 = (
            nn.Conv2d(a, o, 3, stride=s, padding=1, bias=not norm) for a, s in ((i, stride), (o, 1))
        )
        if norm:
            self.bn1, self.bn2 = nn.BatchNorm2d(o), nn.BatchNorm2d(o)
        elif stride == 2:
            self.shortcut = nn.Sequential(nn.Conv2d(i, o, 1, stride=2))
        self.norm, self.grows, self.stride = norm, o - i, stride

    def forward(self, x):
        if self.norm:
            y = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
            return relu(y + (pad(x[:, :, ::2, ::2], (0,) * 4 + (self.grows // 2,) * 2) if self.stride == 2 else x))
        y = self.conv2(relu(self.conv1(x)))
        return relu(y + (self.shortcut(x) if self.stride == 2 else x))


class PlainResNet(nn.Module):
    def __init__(self, width, stages):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.layer1 = nn.Sequential(Block(width, 2 * width, 2, False), Block(2 * width, 2 * width, 1, False))
        if stages == 2:
            self.layer2 = nn.Sequential(Block(2 * width, 2 * width, 2, False), Block(2 * width, 2 * width, 1, False))
        self.linear1 = nn.Linear(2 * width * (64 if stages == 1 else 16), 100)
        self.linear2 = nn.Linear(100, 10)

    def forward(self, x):
        x = self.layer1(relu(self.conv1(x)))
        x = self.layer2(x) if hasattr(self, "layer2") else x
        return self.linear2(relu(self.linear1(x.flatten(1))))


def resnet2b():
    return _loaded(PlainResNet(8, 1), "resnet2b.pth", CIFAR)


def resnet4b():
    return _loaded(PlainResNet(16, 2), "resnet4b.pth", CIFAR)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        for k, (i, o) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
            blocks = [Block(i, o, 2 if k > 1 else 1, True), Block(o, o, 1, True), Block(o, o, 1, True)]
            setattr(self, f"layer{k}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(relu(self.bn1(self.conv1(x))))))
        return self.linear(avg_pool2d(x, x.shape[-1]).flatten(1))


def resnet20():
    return _loaded(ResNet20(), "resnet20-12fca82f.th", IMAGENET)
