"""Learning without labels, by scikit-learn's conventions: `fit`, `predict`, `transform`, `score`."""

from rl_lab.unsupervised.choose import Choice as Choice
from rl_lab.unsupervised.choose import choose as choose
from rl_lab.unsupervised.kmeans import KMeans as KMeans
from rl_lab.unsupervised.mixture import GaussianMixture as GaussianMixture
from rl_lab.unsupervised.pca import PCA as PCA

__all__ = ["PCA", "Choice", "GaussianMixture", "KMeans", "choose"]
