"""Learning without labels, by scikit-learn's conventions: `fit`, `predict`, `transform`, `score`."""

from rl_lab.unsupervised.kmeans import KMeans as KMeans
from rl_lab.unsupervised.mixture import GaussianMixture as GaussianMixture

__all__ = ["GaussianMixture", "KMeans"]
