"""Run a sparse graph of convolutions as few dense ones, without wasting memory.

The whole graph is one differentiable operation. Nodes are worked off in order, each
adds what it sends to the states of its targets; the convolution itself adds in place,
into channels of a strung-together state too: the other channels of its kernel are
zero, and cost nothing while they fit into the same vector. Edges that read the same
source with the same taps are one convolution. A state is forgotten after its node has
sent; when gradients will be asked for, after its gradient is known.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from napari_sciml.networks.layers.kernels import (
    Taps,
    accumulate,
    channels_last,
    convolve,
    depth_parts,
    is_narrow,
    mirrored,
    picking,
    vectors,
)
from napari_sciml.networks.layers.weight_gradient import weight_gradient
from napari_sciml.networks.sparse.plan import Group, Piece, Plan


class Weights(NamedTuple):
    """Parameters: one for each group, hidden node and reader; and the last bias."""

    groups: list[Tensor]
    biases: list[Tensor]
    readout: list[Tensor]
    bias: Tensor


def run(plan: Plan, image: Tensor, weights: Weights) -> Tensor:
    """Map ``(n, c, …)`` to logits, in the precision of autocast."""
    image = _autocast(image)
    keep = torch.is_grad_enabled()
    logits: Tensor = _Run.apply(  # type: ignore[no-untyped-call]
        plan, keep, image, *_every(weights)
    )
    return logits


def run_inside(plan: Plan, image: Tensor, weights: Weights) -> Tensor:
    """The same without the ends of the first axis, and without gradients.

    Logits are those of `run` but for `Plan.reach` voxels on each side of the first
    axis, and no node computes more than they need: a slice of a volume costs less
    than half.
    """
    image = _autocast(image)
    cast = _sorted(plan, [w.to(image.dtype) for w in _every(weights)])
    with torch.no_grad():
        logits, _ = _forward(plan, channels_last(image), cast, keep=False, inside=True)
    return logits


def states_read(plan: Plan, image: Tensor, weights: Weights) -> Tensor:
    """What the logits of `run_inside` are a linear map of, ``(n, f, …)``."""
    image = _autocast(image)
    cast = _sorted(plan, [w.to(image.dtype) for w in _every(weights)])
    with torch.no_grad():
        _, kept = _forward(plan, channels_last(image), cast, keep=True, inside=True)
    read = [_trimmed(kept[node], plan.margins[node]) for node in plan.readers]
    return torch.cat(read, dim=1)


def _autocast(image: Tensor) -> Tensor:
    if torch.is_autocast_enabled(image.device.type):
        return image.to(torch.get_autocast_dtype(image.device.type))
    return image


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, plan: Plan, keep: bool, image: Tensor, *every: Tensor
    ) -> Tensor:
        weights = _sorted(plan, [w.to(image.dtype) for w in every])
        logits, ctx.states = _forward(plan, channels_last(image), weights, keep)
        ctx.plan = plan
        ctx.save_for_backward(*every)
        return logits

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.states is None:
            raise RuntimeError("The states were freed by the first backward pass.")
        every, grad = ctx.saved_tensors, grads[0]
        states, ctx.states = ctx.states, None
        weights = _sorted(ctx.plan, [w.to(grad.dtype) for w in every])
        back = _Backward(ctx.plan, weights, states, ctx.needs_input_grad[2])
        found = back(channels_last(grad))
        own = [g.to(w.dtype) for g, w in zip(found, every, strict=True)]
        return None, None, back.image, *own


def _every(weights: Weights) -> list[Tensor]:
    return [*weights.groups, *weights.biases, *weights.readout, weights.bias]


def _sorted(plan: Plan, every: list[Tensor]) -> Weights:
    a = len(plan.groups)
    b = a + len(plan.channels) - 1
    return Weights(every[:a], every[a:b], every[b:-1], every[-1])


def _forward(
    plan: Plan, image: Tensor, weights: Weights, keep: bool, inside: bool = False
) -> tuple[Tensor, dict[int, Tensor]]:
    states, kept, logits = {0: image}, {}, None
    readout = dict(zip(plan.readers, weights.readout, strict=True))
    groups = _by_source(plan, weights)
    point = _point(image)
    margins = plan.margins if inside else None
    for node in range(len(plan.channels)):
        state = states.pop(node)
        if node:
            # Not in the library's last sum: there, ReLU makes zeros of NaN.
            state.relu_()
        if node in readout:
            read = state if margins is None else _trimmed(state, margins[node])
            logits = (
                convolve(read, readout[node], weights.bias, point)
                if logits is None
                else accumulate(logits, read, readout[node], point)
            )
        for _, group, weight in groups[node]:
            for sent in _send(plan, group, state, weight, margins):
                _deliver(states, sent, weights)
        if keep:
            kept[node] = state
    assert logits is not None  # every graph reaches its output
    return logits, kept


class _Sent(NamedTuple):
    """A convolution that is to be added to the state of a target."""

    target: int
    image: Tensor
    kernel: Tensor
    taps: Taps


def _deliver(states: dict[int, Tensor], sent: _Sent, weights: Weights) -> None:
    target, image, kernel, taps = sent
    if target in states:
        accumulate(states[target], image, kernel, taps)
    else:
        bias = weights.biases[target - 1]
        states[target] = convolve(image, kernel, bias, taps)


def _by_source(plan: Plan, weights: Weights) -> list[list[tuple[int, Group, Tensor]]]:
    found: list[list[tuple[int, Group, Tensor]]] = [[] for _ in plan.channels]
    for i, (group, w) in enumerate(zip(plan.groups, weights.groups, strict=True)):
        found[group.source].append((i, group, w))
    return found


def _send(
    plan: Plan,
    group: Group,
    state: Tensor,
    weight: Tensor,
    margins: tuple[int, ...] | None,
) -> Iterator[_Sent]:
    """Yield what each target gets.

    With margins, what is yielded is cut to give just the planes of the target.
    """
    targets = [piece.edge.target for piece in group.pieces]
    spare, taps = [0] * len(targets), group.taps
    if margins is not None:
        most = max(margins[target] for target in targets)
        state = _trimmed(state, margins[group.source] - most - taps.reach[0])
        spare = [most - margins[target] for target in targets]
        taps = replace(taps, inside=True)
    channels = [plan.channels[target] for target in targets]
    narrow = is_narrow(state, weight)
    free = vectors(channels[0]) == vectors(group.outputs)
    if len(targets) == 1 and free and not narrow:
        kernel = weight
        if group.outputs < channels[0]:
            kernel = weight.new_zeros((channels[0], *weight.shape[1:]))
            kernel[group.pieces[0].channels] = weight
        yield _Sent(targets[0], state, kernel, taps)
        return
    if narrow:
        image, taps = depth_parts(state, weight, taps)
    else:
        image, taps = convolve(state, weight, None, taps), _point(state)
    for piece, total, cut in zip(group.pieces, channels, spare, strict=True):
        depth = 3 if narrow else 1
        kernel = picking(weight, depth, piece.rows, piece.channels, total)
        yield _Sent(piece.edge.target, _trimmed(image, cut), kernel, taps)


def _trimmed(state: Tensor, planes: int) -> Tensor:
    """Without so many planes at both ends of the first axis; a view."""
    if not planes:
        return state
    return channels_last(state[:, :, planes : state.shape[2] - planes])


def _point(image: Tensor) -> Taps:
    return Taps((0,) * (image.ndim - 2))


def _only_target(plan: Plan, group: Group) -> int | None:
    """The target, where all that is sent is all of one target's channels."""
    target = group.pieces[0].edge.target
    alone = len(group.pieces) == 1 and group.outputs == plan.channels[target]
    return target if alone else None


def _empty(like: Tensor, channels: int) -> Tensor:
    n, _, *shape = like.shape
    return like.new_empty((n, *shape, channels)).movedim(-1, 1)


class _Backward:
    """Work the nodes off in reverse, forgetting states and gradients."""

    def __init__(
        self, plan: Plan, weights: Weights, states: dict[int, Tensor], image: bool
    ) -> None:
        self.plan, self.weights, self.states = plan, weights, states
        self.image_needed = image
        self.image: Tensor | None = None
        self.sent: dict[int, Tensor] = {}
        self.groups = _by_source(plan, weights)
        self.into: list[list[tuple[int, Group, Piece]]] = [[] for _ in plan.channels]
        for i, group in enumerate(plan.groups):
            for piece in group.pieces:
                self.into[piece.edge.target].append((i, group, piece))

    def __call__(self, grad: Tensor) -> list[Tensor]:
        """Gradients of the parameters, in the order of `run`."""
        plan, axes = self.plan, (0, *range(2, grad.ndim))
        readout: dict[int, Tensor] = {}
        groups: dict[int, Tensor] = {}
        biases: dict[int, Tensor] = {}
        for node in reversed(range(len(plan.channels))):
            state = self.states.pop(node)
            found = self._collect(node, state, grad, readout, groups)
            if node == 0:
                self.image = found
                break
            assert found is not None  # every node reaches the output
            found = torch.ops.aten.threshold_backward(found, state, 0)
            biases[node] = found.sum(axes)
            self._pass_on(node, found)
        every = [groups[i] for i in sorted(groups)] + [
            biases[i] for i in sorted(biases)
        ]
        every += [readout[node] for node in plan.readers]
        return [*every, grad.sum(axes)]

    def _collect(
        self,
        node: int,
        state: Tensor,
        grad: Tensor,
        readout: dict[int, Tensor],
        groups: dict[int, Tensor],
    ) -> Tensor | None:
        """Gradient of a state and of all weights that it is multiplied by."""
        point = _point(grad)
        total, needed = None, node > 0 or self.image_needed
        terms = [
            (groups, i, self.sent.pop(i), w, g.taps) for i, g, w in self.groups[node]
        ]
        if node in self.plan.readers:
            weight = self.weights.readout[self.plan.readers.index(node)]
            terms.append((readout, node, grad, weight, point))
        for store, key, g, weight, taps in terms:
            store[key] = weight_gradient(state, g, taps)
            if needed and total is None:
                total = convolve(g, mirrored(weight), None, taps)
            elif needed and total is not None:
                accumulate(total, g, mirrored(weight), taps)
        return total

    def _pass_on(self, node: int, grad: Tensor) -> None:
        for i, group, (_, rows, channels) in self.into[node]:
            if _only_target(self.plan, group) is not None:
                self.sent[i] = grad
                continue
            if i not in self.sent:
                self.sent[i] = _empty(grad, group.outputs)
            self.sent[i][:, rows].copy_(grad[:, channels])
