"""Tasks in the manners of scikit-learn: `Classifier`, `Regressor`, `Tagger`, `Forecaster`.

They are cloned, searched over and cross-validated by scikit-learn, and stand in its pipelines; it need not be
installed. Each trains as `recurra.fit` does, and answers as the run that `save` writes.
"""

import recurra.data
import recurra.runs
import recurra.tasks
import recurra.train  # noqa: F401
from recurra.sklearn.classifier import Classifier
from recurra.sklearn.estimator import Estimator, NotFitted
from recurra.sklearn.forecaster import Forecaster
from recurra.sklearn.regressor import Regressor
from recurra.sklearn.tagger import Tagger

__all__ = ["Classifier", "Estimator", "Forecaster", "NotFitted", "Regressor", "Tagger"]
