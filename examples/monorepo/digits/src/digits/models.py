"""The kinds of model that compete, a partition each."""

from collections.abc import Callable, Mapping

import dagster as dg
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

#: Fixed, so that a second training of the same data gives the same model.
SEED = 7

#: Makes an untrained model of each kind.
CANDIDATES: Mapping[str, Callable[[], BaseEstimator]] = {
    "logistic_regression": lambda: make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=1000)
    ),
    "nearest_neighbours": lambda: KNeighborsClassifier(n_neighbors=3),
    "random_forest": lambda: RandomForestClassifier(n_estimators=100, random_state=SEED),
}

kinds_of_model = dg.StaticPartitionsDefinition(sorted(CANDIDATES))
