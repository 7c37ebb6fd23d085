"""Learning without labels, by scikit-learn's conventions: codes, new samples and new text."""

from rl_lab.unsupervised.autoencoder import Autoencoder as Autoencoder
from rl_lab.unsupervised.characters import CharacterModel as CharacterModel
from rl_lab.unsupervised.vae import VariationalAutoencoder as VariationalAutoencoder
