"""Tasks in the manners of scikit-learn: cloned, searched over, cross-validated, saved."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import recurra
import recurra.sklearn
from recurra.errors import Fault
from recurra.sklearn import Classifier, Estimator, Forecaster, NotFitted, Regressor, Tagger

FAST = {"epochs": 6, "optimiser": {"name": "AdamW", "lr": 0.05}}
SMALL = {"embedding": 6, "hidden": 6}
TEXTS = ["so good", "very bad", "good film", "bad film", "good", "so bad"] * 6
LABELS = ["yes", "no", "yes", "no", "yes", "no"] * 6
SENTENCES = [["Anna", "sings"], ["we", "met", "Bob"], ["Bob", "and", "Anna", "met"], ["we", "sing"]] * 5
TAGS = [["B-PER", "O"], ["O", "O", "B-PER"], ["B-PER", "O", "B-PER", "O"], ["O", "O"]] * 5
WAVES = np.sin(np.arange(12)[None, :, None] * (1 + np.arange(24)[:, None, None] % 2) + np.arange(2))
SERIES = np.sin(np.arange(120) / 3)


def classifier(**train: Any) -> Classifier:
    return Classifier(data={"batch_size": 8}, model=SMALL, train={**FAST, **train})


@pytest.fixture(scope="module")
def fitted() -> Classifier:
    return classifier().fit(TEXTS, LABELS)


@pytest.fixture(scope="module")
def estimators(fitted: Classifier) -> dict[str, tuple[Estimator, Any, Any]]:
    """Each estimator, fitted, with an X, and what its run predicts from."""
    regressor = Regressor(model={"hidden": 4}, train=FAST).fit(WAVES, WAVES.sum((1, 2)))
    tagger = Tagger(model=SMALL, train=FAST).fit(SENTENCES, TAGS)
    forecaster = Forecaster(model={"hidden": 4}, train={"epochs": 1}).fit(SERIES)
    return {
        "Classifier": (fitted, ["good film", "bad"], ["good film", "bad"]),
        "Regressor": (regressor, WAVES[:3], list(WAVES[:3])),
        "Tagger": (tagger, SENTENCES[:3], SENTENCES[:3]),
        "Forecaster": (forecaster, SERIES[-60:], [{"y": SERIES[-60:].tolist()}]),
    }


def test_every_estimator_is_under_the_law(estimators: dict[str, tuple[Estimator, Any, Any]]) -> None:
    classes = [value for value in vars(recurra.sklearn).values() if isinstance(value, type)]
    own = {cls.__name__ for cls in classes if issubclass(cls, Estimator) and hasattr(cls, "task_name")}
    assert own == estimators.keys()


def plain(name: str, answers: list[dict[str, Any]]) -> Any:
    """What an estimator predicts, of a run's answers."""
    return {
        "Classifier": lambda: [each["label"] for each in answers],
        "Regressor": lambda: [each["y"] for each in answers],
        "Tagger": lambda: [each["tags"] for each in answers],
        "Forecaster": lambda: answers[0]["forecasts"][0]["targets"]["y"]["forecast"],
    }[name]()


def as_list(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) else values


@pytest.mark.parametrize("name", ["Classifier", "Regressor", "Tagger", "Forecaster"])
def test_an_estimator_predicts_what_its_saved_run_predicts(
    name: str, estimators: dict[str, tuple[Estimator, Any, Any]], tmp_path: Path
) -> None:
    estimator, table, items = estimators[name]
    answers = as_list(estimator.predict(table))  # type: ignore[attr-defined]
    estimator.save(tmp_path / "run")
    assert plain(name, list(recurra.predict(tmp_path / "run", items))) == answers
    again = type(estimator).load(tmp_path / "run")
    assert as_list(again.predict(table)) == answers  # type: ignore[attr-defined]
    assert again.get_params() == estimator.get_params()
    assert as_list(copy.deepcopy(estimator).predict(table)) == answers  # type: ignore[attr-defined]
    again.save(tmp_path / "copy")
    assert sorted(p.name for p in (tmp_path / "copy").iterdir()) == sorted(
        p.name for p in (tmp_path / "run").iterdir()
    )


def test_classes_and_their_probabilities_are_in_one_order(fitted: Classifier) -> None:
    shares = fitted.predict_proba(["good", "bad", "so good"])
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert shares.shape == (3, 2)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    assert fitted.predict(["good", "bad"]).tolist() == ["yes", "no"]
    assert fitted.classes_[shares.argmax(1)].tolist() == fitted.predict(["good", "bad", "so good"]).tolist()
    assert fitted.score(TEXTS, LABELS) == 1.0
    assert fitted.predict([]).tolist() == []


@pytest.mark.parametrize(
    ("table", "target"),
    [
        (TEXTS, [label == "yes" for label in LABELS]),
        (pd.Series(TEXTS), pd.Series([int(label == "yes") for label in LABELS])),
        (pd.DataFrame({"review": TEXTS}), pd.Categorical(LABELS)),
        (pl.DataFrame({"review": TEXTS}), pl.Series([float(label == "yes") for label in LABELS])),
        (np.array(TEXTS)[:, None], np.array(LABELS)[:, None]),
        ([text.split() for text in TEXTS], LABELS),
    ],
    ids=["truth values", "whole numbers", "categories", "floats of polars", "arrays", "lists of words"],
)
def test_classes_have_the_type_of_y_in_files_too(table: Any, target: Any, tmp_path: Path) -> None:
    estimator = classifier().fit(table, target)
    truth = np.asarray(target).reshape(-1)
    assert estimator.predict(table).tolist() == truth.tolist()
    estimator.save(tmp_path / "run")
    assert Classifier.load(tmp_path / "run").predict(table).tolist() == truth.tolist()


def test_rows_of_numbers_in_every_form_are_the_same_rows() -> None:
    flat = np.ascontiguousarray(WAVES[:, :, 0])
    target = np.arange(24) % 2
    forms = [
        flat,
        [row[:, None] for row in flat],
        pd.DataFrame(flat),
    ]
    shares = [
        classifier(epochs=1).set_params(model={"hidden": 4}).fit(form, target).predict_proba(form)
        for form in forms
    ]
    for one in shares[1:]:
        np.testing.assert_array_equal(one, shares[0])


def test_several_targets() -> None:
    target = np.stack([WAVES.sum((1, 2)), WAVES[:, 0, 0]], 1)
    regressor = Regressor(model={"hidden": 4}, train=FAST).fit(list(WAVES), target)
    assert regressor.predict(WAVES[:3]).shape == (3, 2)
    metrics = pytest.importorskip("sklearn.metrics")
    assert regressor.score(WAVES, target) == pytest.approx(
        metrics.r2_score(target, regressor.predict(WAVES)), abs=1e-5
    )


def test_a_tagger_is_scored_over_spans() -> None:
    tagger = Tagger(data={"batch_size": 4}, model=SMALL, train=FAST).fit(SENTENCES, TAGS)
    assert tagger.classes_.tolist() == ["B-PER", "O"]
    texts = [" ".join(words) for words in SENTENCES]
    assert tagger.score(texts, TAGS) == recurra.evaluate(tagger.task_, {"x": texts, "y": TAGS})["f1"] > 0.5


def test_series_as_arrays_lists_and_tables() -> None:
    settings: dict[str, Any] = {
        "data": {"horizon": 3, "context": 8},
        "train": {"epochs": 1},
        "model": {"hidden": 4},
    }
    one = Forecaster(**settings).fit(SERIES)
    ahead = one.predict()
    assert isinstance(ahead, np.ndarray)
    assert ahead.shape == (3,)
    assert one.score(SERIES) <= 1
    days = pd.date_range("2024-01-01", periods=120, name="day")
    table = Forecaster(**settings).fit(pd.DataFrame({"v": SERIES}, index=days))
    assert np.shape(table.predict()) == (3, 1)
    several = Forecaster(**settings).fit([np.stack([SERIES, -SERIES], 1), np.stack([SERIES, SERIES], 1)[:90]])
    assert [np.shape(each) for each in several.predict()] == [(3, 2), (3, 2)]


def test_parameters_are_set_one_by_one_and_nested() -> None:
    estimator = classifier()
    assert estimator.get_params(deep=False).keys() == {"data", "model", "train", "verbose"}
    assert estimator.get_params()["train__optimiser__lr"] == 0.05
    estimator.set_params(model__hidden=9, train__optimiser__lr=0.1, data__hold_out=3)
    assert estimator.model == {**SMALL, "hidden": 9}
    assert SMALL["hidden"] == 6
    assert FAST["optimiser"] == {"name": "AdamW", "lr": 0.05}
    with pytest.raises(Fault, match="Classifier: no parameter 'modell__hidden': did you mean 'model'"):
        estimator.set_params(modell__hidden=3)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda: classifier().fit(TEXTS, LABELS, sample_weight=[1.0] * 36), "sample_weight is not taken"),
        (lambda: classifier().fit(TEXTS, LABELS[:-1]), "X has 36 rows and y 35"),
        (lambda: classifier().fit("so good", ["yes"]), "'so good' found as X, expected a list of rows"),
        (lambda: classifier().fit([*TEXTS, 3.5], [*LABELS, "yes"]), "row 37 of X: 3.5 found, expected"),
        (lambda: classifier().fit(["a", None], ["x", "y"]), "row 2 of X: None found"),
        (lambda: classifier().fit(TEXTS, [0.5] * 36), "no whole ones, expected classes: see Regressor"),
        (lambda: classifier().fit(TEXTS, [None, *LABELS[1:]]), "row 1 of y: None found, expected a label"),
        (lambda: classifier().fit(TEXTS, ["1", *[1] * 35]), "row 2 of y: 1 found, expected texts"),
        (lambda: classifier().fit(TEXTS, ["yes", " yes"] * 18), "another one but for its blanks"),
        (lambda: classifier().fit(["a", "b"], ["x", "y"]), "every label stands in one row alone"),
        (lambda: classifier().fit(pd.DataFrame({"a": TEXTS, "b": LABELS}), LABELS), "a table of 2 columns"),
        (lambda: classifier().fit(np.zeros(36), LABELS), "an array of 1 dimensions found as X"),
        (lambda: classifier().set_params(data={"tokens": "t"}).fit(TEXTS, LABELS), "'tokens' is what fit"),
        (lambda: classifier().set_params(model__hiden=3).fit(TEXTS, LABELS), "unknown key model.hiden"),
        (lambda: classifier().fit([[[0.0], [float("nan")]]] * 36, LABELS), "row 1: column 'x': nan found"),
        (lambda: Regressor().fit(WAVES, ["a"] * 24), "y can't be read as numbers"),
        (lambda: Tagger().fit(WAVES, TAGS), "rows of numbers found as X, expected sentences"),
        (lambda: Tagger().fit(SENTENCES, [1] * 20), "row 1 of y: 1 found, expected a list of tags"),
        (lambda: Forecaster().fit(SERIES, SERIES), "Forecaster.fit: y is not taken"),
        (lambda: Forecaster().fit(np.zeros((3, 4, 5))), "X of 3 dimensions found, expected .T. or .T, V."),
        (lambda: classifier().predict(TEXTS), "Classifier.predict: not fitted: call fit first"),
        (lambda: classifier().save("x"), "Classifier.save: not fitted"),
    ],
)  # fmt: skip
def test_what_can_not_be_fitted_is_told(fit: Any, message: str) -> None:
    with pytest.raises(Fault, match=message):
        fit()


def test_rows_of_another_kind_and_folders_that_hold_no_estimator(fitted: Classifier, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="X of the kind 'vectors' found, expected 'text' as in fit"):
        fitted.predict(WAVES)
    fitted.save(tmp_path / "run")
    with pytest.raises(Fault, match="already there: choose another folder"):
        fitted.save(tmp_path / "run")
    with pytest.raises(Fault, match=r"estimator.json: of a Classifier, expected one of a Tagger"):
        Tagger.load(tmp_path / "run")
    with pytest.raises(Fault, match=r"no estimator: it has no estimator.json"):
        Classifier.load(tmp_path)
    path = tmp_path / "run" / "estimator.json"
    path.write_text(path.read_text().replace('"yes"', '"maybe"'))
    with pytest.raises(Fault, match="its classes are not the labels of the run beside it"):
        Classifier.load(tmp_path / "run")
    assert not list(tmp_path.glob(".*"))
    assert issubclass(NotFitted, AttributeError)


def test_each_class_stays_in_training() -> None:
    labels = ["rare", "rare", *["yes", "no"] * 17]
    for seed in range(2):
        estimator = classifier(epochs=1, seed=seed).set_params(data__hold_out=0.5).fit(TEXTS, labels)
        assert estimator.classes_.tolist() == ["no", "rare", "yes"]


class TestScikitLearn:
    """The parts of scikit-learn that people use."""

    def test_cross_validation_search_and_clones(self) -> None:
        base = pytest.importorskip("sklearn.base")
        selection = pytest.importorskip("sklearn.model_selection")
        estimator = classifier()
        copied = base.clone(estimator)
        assert copied is not estimator
        assert copied.get_params() == estimator.get_params()
        assert base.is_classifier(estimator)
        assert base.is_regressor(Regressor())
        assert not base.is_classifier(Tagger())
        scores = selection.cross_val_score(estimator, TEXTS, LABELS, cv=2, error_score="raise")
        assert scores.min() > 0.9
        search = selection.GridSearchCV(
            estimator,
            {"model__hidden": [3, 6], "train__epochs": [4]},
            cv=2,
            error_score="raise",
            scoring="neg_log_loss",
        ).fit(TEXTS, LABELS)
        assert search.best_params_["model__hidden"] in (3, 6)
        assert search.classes_.tolist() == ["no", "yes"]
        assert search.predict(["good"]).tolist() == ["yes"]

    def test_pipelines_and_other_estimators(self) -> None:
        pipeline = pytest.importorskip("sklearn.pipeline")
        preprocessing = pytest.importorskip("sklearn.preprocessing")
        flat, target = WAVES[:, :, 0], np.arange(24) % 2
        model = pipeline.make_pipeline(
            preprocessing.StandardScaler(),
            Classifier(data={"batch_size": 4}, model={"hidden": 8}, train=FAST),
        )
        assert model.fit(flat, target).score(flat, target) > 0.9
        assert model.predict_proba(flat).shape == (24, 2)
        lower = preprocessing.FunctionTransformer(lambda texts: [text.lower() for text in texts])
        words = pipeline.Pipeline([("lower", lower), ("rnn", classifier())]).set_params(rnn__model__hidden=5)
        assert words.fit([text.upper() for text in TEXTS], LABELS).predict(["GOOD"]).tolist() == ["yes"]

    def test_taggers_regressors_and_forecasters_are_cross_validated(self) -> None:
        selection = pytest.importorskip("sklearn.model_selection")
        tagger = Tagger(data={"batch_size": 4}, model=SMALL, train=FAST)
        assert selection.cross_val_score(tagger, SENTENCES, TAGS, cv=2, error_score="raise").min() > 0.5
        regressor = Regressor(model={"hidden": 4}, train={"epochs": 1})
        scores = selection.cross_val_score(regressor, WAVES, WAVES.sum((1, 2)), cv=2, error_score="raise")
        assert np.isfinite(scores).all()
        forecaster = Forecaster(data={"context": 6, "horizon": 2}, model={"hidden": 4}, train={"epochs": 1})
        parts = selection.TimeSeriesSplit(2)
        scores = selection.cross_val_score(forecaster, SERIES, cv=parts, error_score="raise")
        assert np.isfinite(scores).all()
