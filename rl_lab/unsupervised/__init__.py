"""Learning without labels, by scikit-learn's conventions: clusters, components, codes, new samples and new text."""

from rl_lab.unsupervised.autoencoder import Autoencoder as Autoencoder
from rl_lab.unsupervised.characters import CharacterModel as CharacterModel
from rl_lab.unsupervised.choose import Choice as Choice
from rl_lab.unsupervised.choose import choose as choose
from rl_lab.unsupervised.kmeans import KMeans as KMeans
from rl_lab.unsupervised.mixture import GaussianMixture as GaussianMixture
from rl_lab.unsupervised.ngrams import NgramModel as NgramModel
from rl_lab.unsupervised.pca import PCA as PCA
from rl_lab.unsupervised.vae import VariationalAutoencoder as VariationalAutoencoder

__all__ = [
    "PCA",
    "Autoencoder",
    "CharacterModel",
    "Choice",
    "GaussianMixture",
    "KMeans",
    "NgramModel",
    "VariationalAutoencoder",
    "choose",
]
