from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers import CRF
from recurra.layers.crf import allowed
from recurra.loop.plan import plan_of
from recurra.ragged import Ragged
from recurra.registry import from_config, to_config

LENGTHS = (3, 0, 5, 1, 4, 5)


def crf(labels: list[str] | int = 3, scheme: str | None = None) -> CRF:
    model = CRF(labels, scheme).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_()
    return model


def scored(model: CRF, row: Tensor, path: tuple[int, ...]) -> Tensor:
    total = model.start[path[0]] + model.end[path[-1]]
    total = total + sum(row[t, tag] for t, tag in enumerate(path))
    return total + sum((model.transitions[a, b] for a, b in itertools.pairwise(path)), start=torch.zeros(()))


@torch.no_grad()
def best_path(scores: dict[tuple[int, ...], Tensor]) -> tuple[int, ...]:
    return max(scores, key=lambda path: float(scores[path]))


def all_paths(model: CRF, row: Tensor) -> dict[tuple[int, ...], Tensor]:
    paths = itertools.product(range(model.size), repeat=len(row))
    return {path: scored(model, row, path) for path in paths}


def rows(size: int = 3) -> list[Tensor]:
    return [2 * torch.randn(n, size, dtype=torch.float64) for n in LENGTHS]


def test_the_likelihood_is_that_of_all_sequences_enumerated() -> None:
    model = crf()
    scores = [row.requires_grad_() for row in rows()]
    tags = [torch.randint(3, (n,)) for n in LENGTHS]
    likelihoods = model(Ragged.from_list(scores), Ragged.from_list(tags))
    expected = []
    for row, path in zip(scores, tags, strict=True):
        if not len(row):
            expected.append(torch.zeros((), dtype=torch.float64))
            continue
        paths = all_paths(model, row)
        total = torch.stack(list(paths.values())).logsumexp(0)
        expected.append(paths[tuple(path.tolist())] - total)
    torch.testing.assert_close(likelihoods, torch.stack(expected))
    leaves = [*scores[:1], *scores[2:], *model.parameters()]
    weights = torch.randn(len(LENGTHS), dtype=torch.float64)
    gradients = torch.autograd.grad((torch.stack(expected) * weights).sum(), leaves)
    got = torch.autograd.grad((likelihoods * weights).sum(), leaves)
    torch.testing.assert_close(got, gradients)


def test_marginals_are_the_shares_of_all_sequences_enumerated() -> None:
    model, some = crf(), [row for row in rows() if len(row)]
    with torch.no_grad():
        shares = model.marginals(Ragged.from_list(some)).to_list()
    for row, share in zip(some, shares, strict=True):
        likelihoods = torch.stack(list(all_paths(model, row).values())).softmax(0)
        expected = torch.zeros_like(row)
        for path, likelihood in zip(all_paths(model, row), likelihoods, strict=True):
            for step, tag in enumerate(path):
                expected[step, tag] += likelihood
        torch.testing.assert_close(share, expected.detach())


@pytest.mark.parametrize("size", [1.0, 30.0])
def test_marginals_are_those_of_sums_forward_and_backward_and_sum_to_one(size: float) -> None:
    model, some = crf(), [size * row.detach() for row in rows() if len(row)]
    with torch.no_grad():
        for row, share in zip(some, model.marginals(Ragged.from_list(some)).to_list(), strict=True):
            ahead, behind = [model.start + row[0]], [model.end]
            for x in row[1:]:
                ahead.append(x + torch.logsumexp(ahead[-1].unsqueeze(1) + model.transitions, 0))
            for x in row[1:].flip(0):
                behind.append(torch.logsumexp(model.transitions + (x + behind[-1]), 1))
            both = torch.stack(ahead) + torch.stack(behind[::-1])
            torch.testing.assert_close(share, (both - torch.logsumexp(both[0], 0)).exp())
            torch.testing.assert_close(share.sum(1), torch.ones(len(row), dtype=share.dtype))


def test_decoding_finds_the_best_of_all_sequences() -> None:
    model = crf()
    scores = rows()
    for row, best in zip(scores, model.decode(Ragged.from_list(scores)).to_list(), strict=True):
        if len(row):
            paths = all_paths(model, row)
            assert tuple(best.tolist()) == best_path(paths)
    assert model.decode(Ragged.from_list(scores)).data.shape == (sum(LENGTHS),)
    assert model.decode(Ragged.from_list(scores[1:2])).to_list()[0].shape == (0,)


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
def test_decoding_keeps_to_the_scheme_and_is_the_best_that_does(scheme: str) -> None:
    labels = ["O", "B-x", "I-x", "I-y"] if scheme == "bio" else ["O", "B-x", "I-x", "E-x", "S-y"]
    model = crf(labels, scheme)
    pairs, first, last = allowed(labels, scheme)
    batch = rows(len(labels))
    broken = 0
    plain = CRF(len(labels)).double()
    plain.load_state_dict(model.state_dict())
    ragged = Ragged.from_list(batch)
    for row, best, free in zip(
        batch, model.decode(ragged).to_list(), plain.decode(ragged).to_list(), strict=True
    ):
        if not len(row):
            continue

        def fits(path: tuple[int, ...]) -> bool:
            inner = all(bool(pairs[a, b]) for a, b in itertools.pairwise(path))
            return inner and bool(first[path[0]]) and bool(last[path[-1]])

        scores = {path: score for path, score in all_paths(model, row).items() if fits(path)}
        assert tuple(best.tolist()) == best_path(scores)
        broken += not fits(tuple(free.tolist()))
    assert broken, "no row was changed by the scheme, so this test shows nothing"


def test_what_each_scheme_permits() -> None:
    pairs, first, last = allowed(["O", "B-x", "I-x", "I-y"], "bio")
    assert pairs.int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 1]]
    assert first.tolist() == [True, True, False, False]
    assert last.all()
    pairs, first, last = allowed(["O", "B-x", "I-x", "E-x", "S-x", "E-y"], "bioes")
    opened, shut = [0, 0, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0]
    assert pairs.int().tolist() == [shut, opened, opened, shut, shut, shut]
    assert first.int().tolist() == shut
    assert last.int().tolist() == [1, 0, 0, 1, 1, 1]


def test_confident_scores_stay_finite_and_exact_in_single_precision() -> None:
    model = CRF(4)
    scores = torch.tensor([[90.0, 0, 0, 0], [-90, 0, 30, 0], [0, 200, 0, 0]]).requires_grad_()
    for path in ((0, 2, 1), (1, 2, 1), (3, 3, 3)):
        likelihood = model(Ragged.from_list([scores]), Ragged.from_list([torch.tensor(path)]))
        double = scores.double()
        log_alpha = model.start + double[0]
        for step in double[1:]:
            log_alpha = (log_alpha[:, None] + model.transitions).logsumexp(0) + step
        expected = scored(model, double, path) - (log_alpha + model.end).logsumexp(0)
        torch.testing.assert_close(likelihood[0].double(), expected, rtol=1e-5, atol=1e-4)
    (gradient,) = torch.autograd.grad(likelihood.sum(), scores)
    assert gradient.isfinite().all()


def test_the_recursion_is_a_program_like_any_cell() -> None:
    plan = plan_of(CRF(4).recursion)
    assert plan.program is not None, plan.reason


def test_configuration_rebuilds_it() -> None:
    model = crf(["O", "B-x", "I-x"], "bio")
    again = from_config(to_config(model)).double()
    again.load_state_dict(model.state_dict())
    scores = Ragged.from_list(rows())
    torch.testing.assert_close(again.decode(scores).data, model.decode(scores).data)


@pytest.mark.parametrize(
    ("labels", "scheme", "message"),
    [
        (0, None, "at least one tag"),
        (3, "bio", "give CRF the labels"),
        (["O", "B-x"], "bieos", "did you mean 'bioes'"),
        (["O", "X-x"], "bio", "label 'X-x' is none of the scheme"),
        (["O-x"], "bio", "label 'O-x'"),
        (["B"], "bioes", "label 'B'"),
    ],
)
def test_labels_that_do_not_fit_are_told(labels: list[str] | int, scheme: str | None, message: str) -> None:
    with pytest.raises(Fault, match=message):
        CRF(labels, scheme)


def test_scores_and_tags_that_do_not_fit_are_told() -> None:
    with pytest.raises(Fault, match="expected 3 numbers a step"):
        crf().decode(Ragged.from_list([torch.zeros(2, 4)]))
    scores = Ragged.from_list([torch.zeros(2, 3, dtype=torch.float64)])
    with pytest.raises(Fault, match="expected one number for each step"):
        crf()(scores, Ragged.from_list([torch.zeros(3, dtype=torch.int64)]))
