"""Trains the references of `quality.py`; runs in the venv that `speed.py` makes.

    quality_worker.py INPUT.npz METHOD THREADS OUT CHECKPOINT [CHECKPOINT ...]

Writes OUT-<checkpoint>.npz with the probabilities of each member, ``(member, z, y,
x)``, after so many seconds of training; the time for looking does not count.
"""

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from dlsia_worker import _Absent, build
from torch import Tensor, nn

CROP, TILE, BORDER = 32, 128, 8
MEMBERS = {"dlsia-smsnet": 5, "dlsia-msdnet": 1, "dlsia-unet": 1}
RATE = 1e-3

Probabilities = Callable[[], np.ndarray]


def forest(image: np.ndarray, labels: np.ndarray, threads: int) -> np.ndarray:
    """100 trees on multi-scale filters, as in Labkit, ilastik or scikit-image."""
    from skimage.feature import multiscale_basic_features
    from sklearn.ensemble import RandomForestClassifier

    features = multiscale_basic_features(image, sigma_min=1, sigma_max=8)
    trees = RandomForestClassifier(100, n_jobs=threads, random_state=0)
    trees.fit(features[labels > 0], labels[labels > 0])
    rows = features.reshape(-1, features.shape[-1])
    return trees.predict_proba(rows)[:, 1].reshape(1, *image.shape)


def network(method: str, seed: int) -> nn.Module:
    if method == "dlsia-unet":
        from dlsia.core.networks import tunet

        torch.manual_seed(seed)
        return tunet.TUNet(
            image_shape=(CROP,) * 3,
            in_channels=1,
            out_channels=2,
            depth=3,
            base_channels=8,
            conv_kernel=nn.Conv3d,
            kernel_down=nn.MaxPool3d,
            kernel_up=nn.ConvTranspose3d,
            normalization=nn.BatchNorm3d,
        )
    return build(
        {"dlsia-smsnet": "smsnet 3d", "dlsia-msdnet": "msdnet 3d"}[method], seed
    )


def crops(
    image: Tensor, labels: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Crops round labels, classes alike, flipped: what our own training gets."""
    places = [np.argwhere(labels == value) for value in (1, 2)]
    targets = torch.from_numpy(labels.astype(np.int64) - 1)
    while True:
        own = places[rng.integers(2)]
        voxel = own[rng.integers(len(own))]
        low = [
            int(np.clip(v - rng.integers(3, CROP - 3), 0, n - CROP))
            for v, n in zip(voxel, image.shape, strict=True)
        ]
        box = tuple(slice(a, a + CROP) for a in low)
        flips = [axis for axis in range(3) if rng.random() < 0.5]
        yield image[box].flip(flips)[None, None], targets[box].flip(flips)[None]


def train(
    method: str, image: np.ndarray, labels: np.ndarray, checkpoints: list[float]
) -> Iterator[tuple[float, Probabilities]]:
    gray = torch.from_numpy((image - image.mean()) / image.std())
    rng = np.random.default_rng(0)
    batches = crops(gray, labels, rng)
    counts = np.bincount(labels.ravel(), minlength=3)[1:]
    weights = torch.tensor(counts.sum() / (2 * counts), dtype=torch.float32)
    loss = nn.CrossEntropyLoss(weights, ignore_index=-1)
    networks = [network(method, seed) for seed in range(MEMBERS[method])]
    optimizers = [torch.optim.Adam(net.parameters(), lr=RATE) for net in networks]
    spent, left = 0.0, list(checkpoints)
    while left:
        for net, optimizer in zip(networks, optimizers, strict=True):
            started = time.perf_counter()
            net.train()
            x, y = next(batches)
            if (y >= 0).any():
                optimizer.zero_grad()
                loss(net(x), y).backward()
                optimizer.step()
            spent += time.perf_counter() - started
        if spent >= left[0]:
            yield left.pop(0), lambda: predict(networks, gray)


def predict(networks: list[nn.Module], gray: Tensor) -> np.ndarray:
    """Tiles with a border, as with qlty; batch norm sees the tile."""
    out = np.empty((len(networks), *gray.shape), np.float16)
    padded = nn.functional.pad(gray[None, None], (BORDER,) * 6, mode="reflect")[0, 0]
    inner = (slice(BORDER, BORDER + TILE),) * 3
    for index in np.ndindex(*(n // TILE for n in gray.shape)):
        start = [i * TILE for i in index]
        read = tuple(slice(s, s + TILE + 2 * BORDER) for s in start)
        core = tuple(slice(s, s + TILE) for s in start)
        for member, net in enumerate(networks):
            net.eval()
            with torch.no_grad():
                p = torch.softmax(net(padded[read][None, None]), 1)[0, 1]
            out[member][core] = p[inner].numpy()
    return out


def main() -> None:
    source, method, threads, out, *checkpoints = sys.argv[1:]
    torch.set_num_threads(int(threads))
    sys.meta_path.append(_Absent())
    given = np.load(source)
    image = given["image"].astype(np.float32) / 65535
    labels = given["scribbles"]
    if method == "forest":
        started = time.perf_counter()
        p = forest(image, labels, int(threads))
        seconds = time.perf_counter() - started
        np.savez(f"{out}-{checkpoints[0]}.npz", p=p.astype(np.float16), seconds=seconds)
        return
    for seconds, look in train(method, image, labels, [float(c) for c in checkpoints]):
        np.savez(f"{out}-{seconds:g}.npz", p=look(), seconds=seconds)


if __name__ == "__main__":
    main()
