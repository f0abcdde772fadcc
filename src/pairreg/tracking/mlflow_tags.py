"""The tags of a run in MLflow."""

from collections.abc import Mapping

from pairreg.runs.spec import Described


def run_tags(run: Described, provenance: Mapping[str, str]) -> dict[str, str]:
    """By which a run is found again, and where it comes from."""
    folder = run.folder.resolve()
    study = str(run.config.get("study", folder.parent.name))  # Python need not save a config
    own = {"pairreg.study": study, "pairreg.signature": folder.name, "pairreg.folder": str(folder)}
    return own | source(provenance)


def source(tags: Mapping[str, str]) -> dict[str, str]:
    own = {f"pairreg.{key}": value for key, value in tags.items()}
    if "git_commit" in tags:  # a console script gets no git tag from MLflow itself
        own |= {"mlflow.source.git.commit": tags["git_commit"], "mlflow.source.git.dirty": tags["git_dirty"]}
    return own
