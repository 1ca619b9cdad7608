"""What torch can put around a model: tracers, exporters, transforms, modes, and what people do to modules.

Each takes a model `x [B, T, F] -> y [B, T, H]` and x, and gives pairs of tensors that must be equal: what
comes of it, and the model's own answer without. Where torch itself refuses a model of plain torch too, it is
left out.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import parametrize, prune
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

Pairs = Sequence[tuple[Tensor, Tensor]]
Context = Callable[[nn.Module, Tensor], Pairs]
CONTEXTS: dict[str, Context] = {}


def context(function: Context) -> Context:
    CONTEXTS[function.__name__.replace("_", " ")] = function
    return function


def other(x: Tensor) -> Tensor:
    """Other numbers of the same shape."""
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(3)).to(x.dtype)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach() for name, weight in model.named_parameters()}


def gradients(model: nn.Module, x: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(model(x).square().sum(), [*model.parameters()], allow_unused=True))


# tracers and exporters


@context
def jit_trace(model: nn.Module, x: Tensor) -> Pairs:
    traced = torch.jit.trace(model, (x,))
    file = io.BytesIO()
    torch.jit.save(traced, file)
    file.seek(0)
    return [(traced(other(x)), model(other(x))), (torch.jit.load(file)(other(x)), model(other(x)))]


@context
def jit_trace_first(model: nn.Module, x: Tensor) -> Pairs:
    with torch.no_grad():
        traced = torch.jit.trace(model, (x,), check_trace=False)
    return [(traced(other(x)), model(other(x)))]


@context
def jit_trace_and_train(model: nn.Module, x: Tensor) -> Pairs:
    traced = torch.jit.trace(model, (x,), check_trace=False)
    return list(zip(gradients(traced, x), gradients(model, x), strict=True))


@context
def jit_trace_module(model: nn.Module, x: Tensor) -> Pairs:
    traced = torch.jit.trace_module(model, {"forward": (x,)}, check_trace=False)
    return [(traced(other(x)), model(other(x)))]


@context
def jit_freeze(model: nn.Module, x: Tensor) -> Pairs:
    traced = torch.jit.freeze(torch.jit.trace(model.eval(), (x,), check_trace=False))
    return [(traced(other(x)), model(other(x)))]


@context
def jit_script(model: nn.Module, x: Tensor) -> Pairs:
    return [(torch.jit.script(model)(other(x)), model(other(x)))]


@context
def onnx(model: nn.Module, x: Tensor) -> Pairs:
    import onnxruntime

    file = io.BytesIO()
    torch.onnx.export(model, (x,), file, dynamo=False, input_names=["x"])
    session = onnxruntime.InferenceSession(file.getvalue())
    (y,) = session.run(None, {"x": other(x).numpy()})
    return [(torch.from_numpy(y), model(other(x)))]


@context
def tensorboard_graph(model: nn.Module, x: Tensor) -> Pairs:
    from torch.utils.tensorboard._pytorch_graph import graph

    graph(model, (x,))
    return [(model(x), copy.deepcopy(model)(x))]


@context
def export(model: nn.Module, x: Tensor) -> Pairs:
    return [(torch.export.export(model, (x,)).module()(other(x)), model(other(x)))]


@context
def export_without_gradients(model: nn.Module, x: Tensor) -> Pairs:
    with torch.no_grad():
        return [(torch.export.export(model, (x,)).module()(other(x)), model(other(x)))]


@context
def export_strict(model: nn.Module, x: Tensor) -> Pairs:
    return [(torch.export.export(model, (x,), strict=True).module()(other(x)), model(other(x)))]


@context
def export_and_decompose(model: nn.Module, x: Tensor) -> Pairs:
    program = torch.export.export(model, (x,)).run_decompositions()
    return [(program.module()(other(x)), model(other(x)))]


@context
def export_and_save(model: nn.Module, x: Tensor) -> Pairs:
    file = io.BytesIO()
    torch.export.save(torch.export.export(model, (x,)), file)
    file.seek(0)
    return [(torch.export.load(file).module()(other(x)), model(other(x)))]


@context
def fx(model: nn.Module, x: Tensor) -> Pairs:
    return [(torch.fx.symbolic_trace(model)(other(x)), model(other(x)))]


@context
def recorded_by_make_fx(model: nn.Module, x: Tensor) -> Pairs:
    weights = weights_of(model)

    def run(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(model, weights, (x,))

    return [(make_fx(run)(weights, x)(weights, other(x)), model(other(x)))]


@context
def recorded_by_make_fx_on_fakes(model: nn.Module, x: Tensor) -> Pairs:
    weights = weights_of(model)

    def run(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(model, weights, (x,))

    return [(make_fx(run, tracing_mode="fake")(weights, x)(weights, other(x)), model(other(x)))]


def compiled(model: nn.Module, x: Tensor, **options: Any) -> Pairs:
    torch._dynamo.reset()
    run = torch.compile(model, **options)
    torch.nn.Module.zero_grad(model)
    run(x).square().sum().backward()
    found = [weight.grad for weight in model.parameters()]
    return [(run(other(x)), model(other(x))), *zip(found, gradients(model, x), strict=True)]


@context
def compile(model: nn.Module, x: Tensor) -> Pairs:
    return compiled(model, x, backend="aot_eager")


@context
def compile_plain(model: nn.Module, x: Tensor) -> Pairs:
    return compiled(model, x, backend="eager")


@context
def compile_whole(model: nn.Module, x: Tensor) -> Pairs:
    return compiled(model, x, backend="aot_eager", fullgraph=True)


@context
def compile_dynamic(model: nn.Module, x: Tensor) -> Pairs:
    pairs = compiled(model, x, backend="aot_eager", dynamic=True)
    run = torch.compile(model, backend="aot_eager", dynamic=True)
    shorter = other(x)[:, :-2]
    return [*pairs, (run(shorter), model(shorter))]


# transforms


@context
def vmap(model: nn.Module, x: Tensor) -> Pairs:
    return [(torch.func.vmap(model)(x.unsqueeze(1)).squeeze(1), model(x))]


@context
def vmap_over_models(model: nn.Module, x: Tensor) -> Pairs:
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.mul_(0.5)
    weights, buffers = torch.func.stack_module_state([model, twin])
    base = copy.deepcopy(model)

    def run(weights: Any, buffers: Any) -> Tensor:
        return torch.func.functional_call(base, (weights, buffers), (x,))

    one, two = torch.func.vmap(run)(weights, buffers)
    return [(one, model(x)), (two, twin(x))]


def loss_of(model: nn.Module, x: Tensor) -> Callable[[dict[str, Tensor]], Tensor]:
    return lambda weights: torch.func.functional_call(model, weights, (x,)).square().sum()


@context
def func_grad(model: nn.Module, x: Tensor) -> Pairs:
    found = torch.func.grad(loss_of(model, x))(weights_of(model))
    return list(zip(found.values(), gradients(model, x), strict=True))


@context
def func_grad_of_each_row(model: nn.Module, x: Tensor) -> Pairs:
    def loss(weights: dict[str, Tensor], row: Tensor) -> Tensor:
        return torch.func.functional_call(model, weights, (row[None],)).square().sum()

    found = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights_of(model), x)
    return [(each.sum(0), whole) for each, whole in zip(found.values(), gradients(model, x), strict=True)]


def total(model: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda x: model(x).square().sum((1, 2))


def jacobian(model: nn.Module, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    return torch.stack([torch.autograd.grad(part, x, retain_graph=True)[0] for part in total(model)(x)])


@context
def jacrev(model: nn.Module, x: Tensor) -> Pairs:
    return [(torch.func.jacrev(total(model))(x), jacobian(model, x))]


@context
def jacfwd(model: nn.Module, x: Tensor) -> Pairs:
    return [(torch.func.jacfwd(total(model))(x), jacobian(model, x))]


@context
def jvp(model: nn.Module, x: Tensor) -> Pairs:
    _, tangent = torch.func.jvp(total(model), (x,), (other(x),))
    return [(tangent, (jacobian(model, x) * other(x)).sum((1, 2, 3)))]


@context
def forward_mode(model: nn.Module, x: Tensor) -> Pairs:
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(total(model)(forward_ad.make_dual(x, other(x)))).tangent
    return [(tangent, (jacobian(model, x) * other(x)).sum((1, 2, 3)))]


@context
def hessian(model: nn.Module, x: Tensor) -> Pairs:
    x = x[:1, :2]
    found = torch.func.hessian(lambda x: total(model)(x).sum())(x)
    plain = torch.autograd.functional.hessian(lambda x: total(model)(x).sum(), x)
    backward = torch.func.jacrev(torch.func.jacrev(lambda x: total(model)(x).sum()))(x)
    return [(found, plain), (backward, plain)]


@context
def autograd_functional(model: nn.Module, x: Tensor) -> Pairs:
    found = torch.autograd.functional.jacobian(total(model), x)
    _, product = torch.autograd.functional.vjp(total(model), x, torch.ones(len(x), dtype=x.dtype))
    _, tangent = torch.autograd.functional.jvp(total(model), x, other(x))
    wanted = jacobian(model, x)
    return [(found, wanted), (product, wanted.sum(0)), (tangent, (wanted * other(x)).sum((1, 2, 3)))]


@context
def vectorised_jacobian(model: nn.Module, x: Tensor) -> Pairs:
    return [(torch.autograd.functional.jacobian(total(model), x, vectorize=True), jacobian(model, x))]


@context
def batched_gradients(model: nn.Module, x: Tensor) -> Pairs:
    x = x.detach().requires_grad_()
    found = torch.autograd.grad(total(model)(x), x, torch.eye(len(x), dtype=x.dtype), is_grads_batched=True)
    return [(found[0], jacobian(model, x))]


@context
def linearised(model: nn.Module, x: Tensor) -> Pairs:
    _, run = torch.func.linearize(total(model), x)
    return [(run(other(x)), (jacobian(model, x) * other(x)).sum((1, 2, 3)))]


@context
def functionalised(model: nn.Module, x: Tensor) -> Pairs:
    return [(torch.func.functionalize(model)(x), model(x))]


# modes


class Watching(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Listening(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def within(manager: Any, model: nn.Module, x: Tensor) -> Pairs:
    """Values and gradients in a context, and after it."""
    with manager:
        y, found = model(x), gradients(model, x)
    wanted = gradients(model, x)
    return [(y, model(x)), *zip(found, wanted, strict=True)]


@context
def dispatch_mode(model: nn.Module, x: Tensor) -> Pairs:
    return within(Watching(), model, x)


@context
def function_mode(model: nn.Module, x: Tensor) -> Pairs:
    return within(Listening(), model, x)


@context
def flop_counter(model: nn.Module, x: Tensor) -> Pairs:
    return within(FlopCounterMode(display=False), model, x)


@context
def profiler(model: nn.Module, x: Tensor) -> Pairs:
    return within(torch.profiler.profile(record_shapes=True, with_stack=True), model, x)


@context
def old_profiler(model: nn.Module, x: Tensor) -> Pairs:
    return within(torch.autograd.profiler.profile(), model, x)


@context
def detect_anomaly(model: nn.Module, x: Tensor) -> Pairs:
    return within(torch.autograd.set_detect_anomaly(True), model, x)


@context
def saved_tensors_hooks(model: nn.Module, x: Tensor) -> Pairs:
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(force=True), torch.from_numpy)
    return within(hooks, model, x)


@context
def save_on_cpu(model: nn.Module, x: Tensor) -> Pairs:
    return within(torch.autograd.graph.save_on_cpu(), model, x)


@context
def deterministic_algorithms(model: nn.Module, x: Tensor) -> Pairs:
    @contextmanager
    def deterministic() -> Iterator[None]:
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(False)

    return within(deterministic(), model, x)


@context
def default_dtype(model: nn.Module, x: Tensor) -> Pairs:
    @contextmanager
    def double() -> Iterator[None]:
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(before)

    return within(double(), model, x)


@context
def default_device(model: nn.Module, x: Tensor) -> Pairs:
    with torch.device("meta"):
        y = model(x)
    return [(y, model(x))]


@context
def no_grad(model: nn.Module, x: Tensor) -> Pairs:
    with torch.no_grad():
        y = model(x)
    assert not y.requires_grad
    return [(y, model(x))]


@context
def inference_mode(model: nn.Module, x: Tensor) -> Pairs:
    with torch.inference_mode():
        y = model(x)
    return [(y, model(x))]


@context
def inference_tensor(model: nn.Module, x: Tensor) -> Pairs:
    with torch.inference_mode():
        given = x.clone()
    with torch.no_grad():
        return [(model(given), model(x))]


@context
def fake_mode(model: nn.Module, x: Tensor) -> Pairs:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        y = model(mode.from_tensor(x))
        assert y.shape == (*x.shape[:2], y.shape[2])
        y.sum().backward() if y.requires_grad else None
    model.zero_grad()
    return [(model(x), copy.deepcopy(model)(x))]


@context
def fake_model(model: nn.Module, x: Tensor) -> Pairs:
    from torch._subclasses.fake_tensor import FakeTensorMode

    twin, numbers = copy.deepcopy(model), weights_of(model)
    with FakeTensorMode() as mode:
        weights = {name: mode.from_tensor(weight) for name, weight in numbers.items()}
        y = torch.func.functional_call(twin, weights, (mode.from_tensor(x),))
    assert y.shape[:2] == x.shape[:2]
    return [(model(x), copy.deepcopy(model)(x))]


@context
def meta(model: nn.Module, x: Tensor) -> Pairs:
    twin = copy.deepcopy(model).to("meta")
    y = twin(x.to("meta"))
    assert y.device.type == "meta"
    assert y.shape == model(x).shape
    twin.to_empty(device="cpu")
    twin.load_state_dict(model.state_dict())
    return [(twin(x), model(x))]


@context
def assigned(model: nn.Module, x: Tensor) -> Pairs:
    twin = copy.deepcopy(model).to("meta")
    twin.load_state_dict(model.state_dict(), assign=True)
    return [(twin(x), model(x))]


@context
def checkpoints(model: nn.Module, x: Tensor) -> Pairs:
    found = []
    for reentrant in (True, False):
        model.zero_grad()
        y = torch.utils.checkpoint.checkpoint(model, x.detach().requires_grad_(), use_reentrant=reentrant)
        y.square().sum().backward()
        found += [weight.grad for weight in model.parameters()]
    model.zero_grad(set_to_none=True)
    return list(zip(found, 2 * gradients(model, x), strict=True))


# what people do to modules


@context
def functional_call(model: nn.Module, x: Tensor) -> Pairs:
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.mul_(0.5)
    found = torch.func.functional_call(model, weights_of(twin), (x,))
    return [(found, twin(x)), (model(x), copy.deepcopy(model)(x))]


@context
def vector_of_parameters(model: nn.Module, x: Tensor) -> Pairs:
    twin = copy.deepcopy(model)
    vector = nn.utils.parameters_to_vector(model.parameters()).detach()
    nn.utils.vector_to_parameters(vector * 0.5, twin.parameters())
    model(x)
    nn.utils.vector_to_parameters(vector * 0.5, model.parameters())
    return [(model(x), twin(x))]


@context
def clipped(model: nn.Module, x: Tensor) -> Pairs:
    model.zero_grad()
    model(x).square().sum().backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    wanted = torch.stack([g.norm() for g in gradients(model, x)]).norm()
    return [(norm, wanted)]


@context
def hooks(model: nn.Module, x: Tensor) -> Pairs:
    """On the layer that a model holds: it sees its input, changes its output, and sees gradients."""
    seen: list[str] = []
    layer = next(part for name, part in model.named_children())
    wanted = model(x)
    layer.register_forward_pre_hook(lambda m, args: seen.append("before"))
    layer.register_forward_hook(lambda m, args, out: (2 * out[0], *out[1:]))
    layer.register_full_backward_hook(lambda m, ins, outs: seen.append("back"))
    x = x.detach().requires_grad_()
    y = model(x)
    y.sum().backward()
    model.zero_grad()
    assert seen == ["before", "back"]
    return [(y, 2 * wanted)]


@context
def tensor_hooks(model: nn.Module, x: Tensor) -> Pairs:
    seen: list[Tensor] = []
    weight = next(model.parameters())
    handle = weight.register_hook(lambda g: seen.append(g) or 2 * g)
    model.zero_grad()
    model(x).square().sum().backward()
    handle.remove()
    found = weight.grad
    model.zero_grad()
    return [(found, 2 * gradients(model, x)[0])]


@context
def replicated(model: nn.Module, x: Tensor) -> Pairs:
    """As DataParallel does: replicas whose weights are no parameters."""
    replica = copy.copy(model)
    memo = {id(weight): weight * 1.0 for weight in model.parameters()}

    def replicate(module: nn.Module) -> nn.Module:
        twin = module._replicate_for_data_parallel()
        for name, part in module._modules.items():
            twin._modules[name] = None if part is None else replicate(part)
        for name, weight in module._parameters.items():
            if weight is None:
                twin._parameters[name] = None
            else:
                setattr(twin, name, memo[id(weight)])
        return twin

    replica = replicate(model)
    found = torch.autograd.grad(replica(x).square().sum(), list(model.parameters()))
    return [(replica(x), model(x)), *zip(found, gradients(model, x), strict=True)]


@context
def copies(model: nn.Module, x: Tensor) -> Pairs:
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    twin = copy.deepcopy(model)
    twin.load_state_dict(torch.load(file))
    return [(copy.copy(model)(x), model(x)), (twin(x), model(x))]


@context
def shared_memory(model: nn.Module, x: Tensor) -> Pairs:
    wanted = model(x)
    return [(model.share_memory()(x), wanted)]


@context
def double(model: nn.Module, x: Tensor) -> Pairs:
    wanted = model(x)
    return [(model.double()(x.double()).to(x.dtype), wanted)]


@context
def half(model: nn.Module, x: Tensor) -> Pairs:
    wanted = model(x)
    found = copy.deepcopy(model).bfloat16()(x.bfloat16())
    assert found.dtype == torch.bfloat16
    assert (found.to(x.dtype) - wanted).abs().max() < 0.1
    return [(model(x), wanted)]


@context
def autocast(model: nn.Module, x: Tensor) -> Pairs:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(x)
    assert (found.to(x.dtype) - model(x)).abs().max() < 0.1
    return [(model(x), copy.deepcopy(model)(x))]


@context
def pruned(model: nn.Module, x: Tensor) -> Pairs:
    part, name = last_matrix(model)
    twin = copy.deepcopy(model)
    mask = torch.arange(getattr(part, name).numel()).view_as(getattr(part, name)) % 2
    prune.custom_from_mask(part, name, mask)
    other_part, _ = last_matrix(twin)
    with torch.no_grad():
        getattr(other_part, name).mul_(mask)
    return [(model(x), twin(x))]


@context
def parametrised(model: nn.Module, x: Tensor) -> Pairs:
    class Halved(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return 0.5 * weight

    part, name = last_matrix(model)
    twin = copy.deepcopy(model)
    parametrize.register_parametrization(part, name, Halved())
    other_part, _ = last_matrix(twin)
    with torch.no_grad():
        getattr(other_part, name).mul_(0.5)
    found = [(model(x), twin(x))]
    with parametrize.cached():
        found.append((model(x), twin(x)))
    return found


@context
def weight_norm(model: nn.Module, x: Tensor) -> Pairs:
    part, name = last_matrix(model)
    wanted = model(x)
    nn.utils.parametrizations.weight_norm(part, name)
    return [(model(x), wanted)]


@context
def old_weight_norm(model: nn.Module, x: Tensor) -> Pairs:
    part, name = last_matrix(model)
    wanted = model(x)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.weight_norm(part, name)
    return [(model(x), wanted)]


@context
def spectral_norm(model: nn.Module, x: Tensor) -> Pairs:
    part, name = last_matrix(model)
    twin = copy.deepcopy(model)
    other_part, _ = last_matrix(twin)
    nn.utils.parametrizations.spectral_norm(part, name)
    model.eval()
    with torch.no_grad():
        getattr(other_part, name).copy_(getattr(part, name))
    return [(model(x), twin(x))]


def last_matrix(model: nn.Module) -> tuple[nn.Module, str]:
    """The part that holds the last weight matrix, and the name there."""
    return [
        (part, name)
        for part in model.modules()
        for name, weight in part.named_parameters(recurse=False)
        if weight.dim() == 2 and "original" not in name
    ][-1]


# tensors of other kinds


class Marked(Tensor):
    """A subclass that adds nothing."""


@context
def subclass(model: nn.Module, x: Tensor) -> Pairs:
    return [(model(x.as_subclass(Marked)).as_subclass(Tensor), model(x))]


class Wrapped(Tensor):
    """A tensor whose numbers lie in another one, as quantised and distributed tensors do."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Any:
        return Tensor._make_wrapper_subclass(
            cls, inner.shape, inner.stride(), inner.storage_offset(), dtype=inner.dtype, device=inner.device
        )

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        from torch.utils._pytree import tree_map_only

        plain = tree_map_only(Wrapped, lambda t: t.inner, (args, kwargs or {}))
        return tree_map_only(Tensor, Wrapped, func(*plain[0], **plain[1]))


@context
def wrapper(model: nn.Module, x: Tensor) -> Pairs:
    with torch.no_grad():
        y = model(Wrapped(x))
    return [(y.inner if isinstance(y, Wrapped) else y, model(x))]


@context
def wrapped_weights(model: nn.Module, x: Tensor) -> Pairs:
    weights = {name: Wrapped(weight) for name, weight in weights_of(model).items()}
    with torch.no_grad():
        y = torch.func.functional_call(model, weights, (x,))
    return [(y.inner if isinstance(y, Wrapped) else y, model(x))]


@context
def parameter_as_input(model: nn.Module, x: Tensor) -> Pairs:
    return [(model(nn.Parameter(x)), model(x))]


@context
def negative_view(model: nn.Module, x: Tensor) -> Pairs:
    view = torch.complex(x, x).conj().imag
    assert view.is_neg()
    return [(model(view), model(-x))]


@context
def efficient_zeros(model: nn.Module, x: Tensor) -> Pairs:
    return [(model(torch._efficientzerotensor(x.shape, dtype=x.dtype)), model(torch.zeros_like(x)))]


@context
def strides(model: nn.Module, x: Tensor) -> Pairs:
    flipped = x.transpose(0, 1).contiguous().transpose(0, 1)
    wide = torch.cat([x, x], -1)[..., : x.shape[-1]]
    still = x[:1].expand_as(x)
    return [(model(flipped), model(x)), (model(wide), model(x)), (model(still), model(still.contiguous()))]


@context
def requires_grad_changes(model: nn.Module, x: Tensor) -> Pairs:
    first = gradients(model, x)
    model.requires_grad_(False)
    assert not model(x).requires_grad
    model.requires_grad_(True)
    return list(zip(gradients(model, x), first, strict=True))
