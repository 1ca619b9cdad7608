"""Steps as people write them, many of which no tracer can read: each must run as its plain loop does."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import recurra
from recurra import cells


class Hidden(NamedTuple):
    h: Tensor


class Pair(NamedTuple):
    h: Tensor
    c: Tensor


STEPS = {}


def step(cls):
    STEPS[cls.__name__] = cls
    return cls


class Base(cells.Cell):
    State = Hidden

    def __init__(self, input_size, hidden_size):
        self.w = nn.Linear(input_size, hidden_size)
        self.u = nn.Linear(hidden_size, hidden_size)
        self.more(hidden_size)

    def more(self, n): ...
    def step(self, x, s):
        h = self.new(self.w(x) + self.u(s.h), s.h)
        return h, Hidden(h)


@step
class MHA(Base):
    def more(self, n):
        self.mha = nn.MultiheadAttention(n, 2, batch_first=True)

    def new(self, a, h):
        slots = torch.stack([a, h], 1)
        return torch.tanh(self.mha(slots[:, :1], slots, slots, need_weights=False)[0][:, 0])


@step
class MHAWeights(Base):
    def more(self, n):
        self.mha = nn.MultiheadAttention(n, 2, dropout=0.3, batch_first=True)

    def new(self, a, h):
        slots = torch.stack([a, h], 1)
        y, w = self.mha(slots[:, :1], slots, slots)
        return torch.tanh(y[:, 0]) * w[:, 0, :1]


@step
class Encoder(Base):
    def more(self, n):
        self.e = nn.TransformerEncoderLayer(n, 2, 8, batch_first=True)

    def new(self, a, h):
        return torch.tanh(self.e(torch.stack([a, h], 1))[:, 0])


@step
class SDPA(Base):
    def new(self, a, h):
        q = torch.stack([a, h], 1).unsqueeze(1)
        return torch.tanh(F.scaled_dot_product_attention(q, q, q)[:, 0, 0])


@step
class Dropout(Base):
    def new(self, a, h):
        return torch.tanh(F.dropout(a, 0.3, True))


@step
class NativeDropout(Base):
    def new(self, a, h):
        return torch.tanh(torch.native_dropout(a, 0.3, True)[0])


@step
class RRelu(Base):
    def new(self, a, h):
        return torch.tanh(F.rrelu(a, training=True))


@step
class Gumbel(Base):
    def new(self, a, h):
        return torch.tanh(F.gumbel_softmax(a, hard=True) + h)


@step
class Bernoulli(Base):
    def new(self, a, h):
        return torch.tanh(a) * torch.bernoulli(torch.sigmoid(h))


@step
class Multinomial(Base):
    def new(self, a, h):
        return torch.tanh(a + torch.multinomial(torch.softmax(h, -1), 1))


@step
class If(Base):
    def new(self, a, h):
        return torch.tanh(a) if a.sum() > 0 else torch.sigmoid(a)


@step
class While(Base):
    def new(self, a, h):
        while a.abs().max() > 1:
            a = a * 0.5
        return torch.tanh(a)


@step
class Item(Base):
    def new(self, a, h):
        return torch.tanh(a * (1 + 0.0 * h.mean().item()))


@step
class ToList(Base):
    def new(self, a, h):
        return torch.tanh(a) * (1 + 0 * len(h.tolist()))


@step
class Numpy(Base):
    def new(self, a, h):
        return torch.tanh(a + torch.from_numpy(np.sin(h.detach().cpu().numpy())).to(a))


@step
class FromNumpy(Base):
    def new(self, a, h):
        return torch.tanh(a + torch.from_numpy(np.full(a.shape[1], 0.25)).to(a))


@step
class PythonRandom(Base):
    def new(self, a, h):
        return torch.tanh(a) * (1 if random.random() < 2 else 2)


@step
class RandomScale(Base):
    def new(self, a, h):
        return torch.tanh(a) * random.uniform(0.5, 1.5)


class Sq(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x


@step
class Custom(Base):
    def new(self, a, h):
        return torch.tanh(Sq.apply(a))


class SqNew(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x


@step
class CustomNew(Base):
    def new(self, a, h):
        return torch.tanh(SqNew.apply(a))


@step
class Where1(Base):
    def new(self, a, h):
        i = torch.where(a > 0)
        b = a.clone()
        b[i] = b[i] * 0.5
        return torch.tanh(b)


@step
class Nonzero(Base):
    def new(self, a, h):
        return torch.tanh(a + 0.1 * (a > 0).nonzero().shape[0])


@step
class MaskIndex(Base):
    def new(self, a, h):
        b = a.clone()
        b[a > 0] = 0.5
        return torch.tanh(b)


@step
class MaskedSelect(Base):
    def new(self, a, h):
        return torch.tanh(a + a[a > 0].sum())


@step
class Unique(Base):
    def new(self, a, h):
        return torch.tanh(a + torch.unique((h > 0).long()).numel())


@step
class DictOut(Base):
    def parts(self, a, h):
        return {"h": torch.tanh(a), "list": [h, a]}

    def new(self, a, h):
        d = self.parts(a, h)
        return d["h"] + d["list"][0] * 0.1


@step
class Lists(Base):
    def new(self, a, h):
        return torch.stack([torch.tanh(p) for p in a.unbind(1)], 1)


@step
class Half(Base):
    def new(self, a, h):
        return torch.tanh(a.half().float())


@step
class Double(Base):
    def new(self, a, h):
        return torch.tanh(a.double()).to(a.dtype)


@step
class Int(Base):
    def new(self, a, h):
        return torch.tanh(a + (h * 10).int().to(a.dtype) / 10)


@step
class Complex(Base):
    def new(self, a, h):
        return torch.tanh(torch.fft.ifft(torch.fft.fft(a)).real + h)


@step
class ComplexPolar(Base):
    def new(self, a, h):
        return torch.polar(torch.sigmoid(a), h).imag


@step
class ConjImag(Base):
    def new(self, a, h):
        return torch.tanh(torch.complex(a, h).conj().imag)


@step
class Sparse(Base):
    def more(self, n):
        self.register_buffer("graph", torch.eye(n).to_sparse())

    def new(self, a, h):
        return torch.tanh(torch.sparse.mm(self.graph, a.T).T)


@step
class SparseCOO(Base):
    def new(self, a, h):
        return torch.tanh(a + h.to_sparse().to_dense())


@step
class SparseWeight(Base):
    def new(self, a, h):
        return torch.tanh(torch.sparse.mm(self.u.weight.detach().to_sparse(), a.T).T)


@step
class BatchMean(Base):
    def new(self, a, h):
        return torch.tanh(a - a.mean(0, keepdim=True))


@step
class BatchNorm(Base):
    def more(self, n):
        self.bn = nn.BatchNorm1d(n)

    def new(self, a, h):
        return torch.tanh(self.bn(a))


@step
class GroupNorm(Base):
    def more(self, n):
        self.bn = nn.GroupNorm(2, n)

    def new(self, a, h):
        return torch.tanh(self.bn(a))


@step
class LSTMCell(cells.Cell):
    State = Pair

    def __init__(self, input_size, hidden_size):
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def step(self, x, s):
        h, c = self.cell(x, (s.h, s.c))
        return h, Pair(h, c)


@step
class GRUCell(Base):
    def more(self, n):
        self.cell = nn.GRUCell(n, n)

    def new(self, a, h):
        return self.cell(a, h)


@step
class RNNCell(Base):
    def more(self, n):
        self.cell = nn.RNNCell(n, n)

    def new(self, a, h):
        return self.cell(a, h)


@step
class InnerGRU(Base):
    def more(self, n):
        self.gru = nn.GRU(n, n, batch_first=True)

    def new(self, a, h):
        return self.gru(torch.stack([a, h], 1))[1][0]


@step
class InnerScan(Base):
    def more(self, n):
        self.inner = recurra.Recurrent(cells.GRU(n, n))

    def new(self, a, h):
        return self.inner(torch.stack([a, h], 1))[0][:, -1]


@step
class InnerDropin(Base):
    def more(self, n):
        self.inner = recurra.nn.GRU(n, n, batch_first=True)

    def new(self, a, h):
        return self.inner(torch.stack([a, h], 1))[0][:, -1]


@step
class Conv(Base):
    def more(self, n):
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def new(self, a, h):
        return torch.tanh(self.conv(a[:, None])[:, 0])


@step
class Embedding(Base):
    def more(self, n):
        self.e = nn.Embedding(3, n)

    def new(self, a, h):
        return torch.tanh(self.e((h[:, 0] > 0).long()) + a)


@step
class Cumsum(Base):
    def new(self, a, h):
        return torch.tanh(a.cumsum(-1))


@step
class Sort(Base):
    def new(self, a, h):
        return torch.tanh(a.sort(-1).values)


@step
class Topk(Base):
    def new(self, a, h):
        return torch.tanh(a - a.topk(2).values[:, :1])


@step
class Einsum(Base):
    def new(self, a, h):
        return torch.tanh(torch.einsum("bi,bj->bij", a, h).sum(1))


@step
class Bmm(Base):
    def new(self, a, h):
        return torch.tanh(torch.bmm(a[:, :, None], h[:, None]).mean(2))


@step
class Roll(Base):
    def new(self, a, h):
        return torch.tanh(a + h.roll(1, -1))


@step
class InputInPlace(Base):
    def step(self, x, s):
        x = x.clone()
        x.mul_(0.5)
        h = torch.tanh(self.w(x) + self.u(s.h))
        return h, Hidden(h)


@step
class StateInPlace(Base):
    def step(self, x, s):
        s.h.mul_(1.0)
        h = torch.tanh(self.w(x) + self.u(s.h))
        return h, Hidden(h)


@step
class ColumnInPlace(Base):
    def new(self, a, h):
        a = torch.tanh(a)
        a[:, 0] = h[:, 1] * 0.5
        return a


@step
class Scatter(Base):
    def new(self, a, h):
        return torch.tanh(a.scatter(1, h.argmax(1, keepdim=True), 0.5))


@step
class BufferCount(Base):
    def more(self, n):
        self.register_buffer("count", torch.zeros(()))

    def new(self, a, h):
        self.count += 1
        return torch.tanh(a)


@step
class Counter(Base):
    def more(self, n):
        self.n = 0

    def new(self, a, h):
        self.n += 1
        return torch.tanh(a)


@step
class KeepList(Base):
    def more(self, n):
        self.seen = []

    def new(self, a, h):
        self.seen.append(h)
        return torch.tanh(a)


@step
class NoGrad(Base):
    def new(self, a, h):
        with torch.no_grad():
            g = torch.sigmoid(h)
        return torch.tanh(a) * g


@step
class Detach(Base):
    def new(self, a, h):
        return torch.tanh(a) * h.detach()


@step
class EnableGrad(Base):
    def new(self, a, h):
        with torch.enable_grad():
            z = h.detach().requires_grad_()
            (g,) = torch.autograd.grad(torch.tanh(z).sum(), z)
        return torch.tanh(a + 0.1 * g)


@step
class FuncGrad(Base):
    def new(self, a, h):
        return torch.tanh(a + 0.1 * torch.func.grad(lambda z: torch.tanh(z).sum())(h))


@step
class Vmap(Base):
    def new(self, a, h):
        return torch.func.vmap(lambda r, q: torch.tanh(r + 0.1 * q))(a, h)


@step
class VmapMat(Base):
    def new(self, a, h):
        return torch.func.vmap(lambda r, q: torch.tanh(torch.outer(r, q).sum(0)))(a, h)


@step
class Checkpoint(Base):
    def new(self, a, h):
        return torch.utils.checkpoint.checkpoint(torch.tanh, a, use_reentrant=False)


@step
class Autocast(Base):
    def new(self, a, h):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            b = self.u(h)
        return torch.tanh(a + b.to(a.dtype))


@step
class Global(Base):
    scale = torch.tensor(0.5)

    def new(self, a, h):
        return torch.tanh(a * self.scale.to(a.dtype))


@step
class NewTensor(Base):
    def new(self, a, h):
        return torch.tanh(a * torch.tensor([0.5], dtype=a.dtype))


@step
class TensorOfNumbers(Base):
    def new(self, a, h):
        return torch.tanh(a * torch.tensor(0.5) + torch.arange(a.shape[1]) * 0.1)


@step
class Linalg(Base):
    def new(self, a, h):
        return torch.tanh(
            torch.linalg.solve(self.u.weight + 3 * torch.eye(len(self.u.weight), dtype=a.dtype), a.T).T
        )


@step
class MatrixExp(Base):
    def new(self, a, h):
        return torch.tanh(a @ torch.matrix_exp(0.1 * self.u.weight))


@step
class Inverse(Base):
    def new(self, a, h):
        return torch.tanh(torch.linalg.svd(a)[1][:1] + a)


@step
class Cdist(Base):
    def new(self, a, h):
        return torch.tanh(a + torch.cdist(a, self.u.weight))


@step
class Assert(Base):
    def new(self, a, h):
        assert torch.isfinite(a).all()
        return torch.tanh(a)


@step
class AssertShape(Base):
    def new(self, a, h):
        assert a.shape[0] < 100, "too many rows"
        return torch.tanh(a)


@step
class Print(Base):
    def new(self, a, h):
        str(a)
        return torch.tanh(a)


@step
class Weighted(Base):
    def new(self, a, h):
        return torch.tanh(
            F.linear(a, torch.where(self.u.weight > 0, self.u.weight, torch.zeros_like(self.u.weight)))
        )


@step
class DataPtr(Base):
    def new(self, a, h):
        return torch.tanh(a) * (1 if a.data_ptr() else 2)


@step
class SystemExitLike(Base):
    def new(self, a, h):
        if type(a).__name__ == "FakeTensor" or a.shape[0] > 100:
            raise StopIteration("odd")
        return torch.tanh(a)


@step
class RaisesKey(Base):
    def new(self, a, h):
        if a.shape[0] > 100:
            raise KeyError("odd")
        return torch.tanh(a)


@step
class RaisesRecursion(Base):
    def new(self, a, h):
        if a.shape[0] > 100:
            return self.new(a, h)
        return torch.tanh(a)


@step
class Nested(Base):
    def new(self, a, h):
        n = torch.nested.as_nested_tensor([a[:1], a[1:]], layout=torch.jagged)
        return torch.tanh(torch.cat(list(n.unbind())))


@step
class Quantized(Base):
    def new(self, a, h):
        return torch.tanh(torch.fake_quantize_per_tensor_affine(a, 0.1, 0, -128, 127))


@step
class Bucket(Base):
    def new(self, a, h):
        return torch.tanh(a + torch.bucketize(h, torch.tensor([0.0, 0.1], dtype=a.dtype)) * 0.1)


@step
class Histc(Base):
    def new(self, a, h):
        return torch.tanh(a + torch.histc(h.detach().float(), 3).sum().to(a.dtype) * 0.01)


@step
class Mode(Base):
    def new(self, a, h):
        return torch.tanh(a + torch.median(h, -1, keepdim=True).values)


@step
class Mish(Base):
    def new(self, a, h):
        return F.mish(a) + F.selu(h) * F.celu(h)


@step
class PReLU(Base):
    def more(self, n):
        self.p = nn.PReLU()

    def new(self, a, h):
        return torch.tanh(self.p(a))


@step
class Bilinear(Base):
    def more(self, n):
        self.b = nn.Bilinear(n, n, n)

    def new(self, a, h):
        return torch.tanh(self.b(a, h))


@step
class ParamList(Base):
    def more(self, n):
        self.ps = nn.ParameterList([nn.Parameter(torch.randn(n)) for _ in range(2)])

    def new(self, a, h):
        return torch.tanh(a * self.ps[0] + self.ps[1])


@step
class SpectralOld(Base):
    def more(self, n):
        self.u = nn.utils.spectral_norm(self.u)

    def new(self, a, h):
        return torch.tanh(a)


@step
class WeightNormOld(Base):
    def more(self, n):
        self.u = nn.utils.weight_norm(self.u)

    def new(self, a, h):
        return torch.tanh(a)


@step
class SpectralNew(Base):
    def more(self, n):
        nn.utils.parametrizations.spectral_norm(self.u)

    def new(self, a, h):
        return torch.tanh(a)


@step
class Pruned(Base):
    def more(self, n):
        from torch.nn.utils import prune

        prune.random_unstructured(self.u, "weight", 0.5)

    def new(self, a, h):
        return torch.tanh(a)


@step
class Hooked(Base):
    def more(self, n):
        self.u.register_forward_hook(lambda m, i, o: o * 0.5)

    def new(self, a, h):
        return torch.tanh(a)


@step
class FreeWeight(Base):
    def new(self, a, h):
        return torch.tanh(a + torch.randn(a.shape[1], dtype=a.dtype))


@step
class TorchFunctionSub(Base):
    def new(self, a, h):
        class T(Tensor):
            pass

        return torch.tanh(a.as_subclass(T)).as_subclass(Tensor)
