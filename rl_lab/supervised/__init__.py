"""Learning with labels, on the one core, by scikit-learn's conventions: `fit`, `predict`, `score`."""

from rl_lab.supervised.classifier import Classifier as Classifier
from rl_lab.supervised.regressor import Regressor as Regressor
