"""The configs of a sweep's jobs are those that Hydra composes for each of them."""

import pytest
from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from pairreg import composition
from pairreg.study.compose import spec_of
from pairreg.study.composer import Composer

JOBS = (
    [],
    ["preset=smoke", "seed=3"],
    ["preset=smoke", "seed=4", "regularizer.diffusion.weight=0.25"],
    ["seed=5", "preset=smoke", "~similarity.pcc"],
    ["similarity=[ncc,pet:ncc]", "similarity.pet.on=pet", "similarity.pet.weight=0.5"],
    ["similarity={ncc: {window: 5}}", "similarity=ncc"],
    ["similarity={ncc: {window: 7}}", "similarity=ncc"],
    ["+similarity.mse._target_=pairreg.similarity.mse.MSE", "+similarity.mse.weight=2"],
    ["~regularizer.diffusion"],
    ["schedule.iterations=[2,3]"],
    ["schedule.iterations=[4,5]", "seed=???"],
    ["study=seed_${seed}", "seed=7"],
    ["study=seed_${seed}", "seed=8"],
)
WRONG = (
    ["seed=1", "transform.widht=8"],
    ["sed=1"],
    ["+seed=1"],
    ["~sed"],
    ["seed=1,2"],
    ["similarity=nnc", "seed=1"],
    ["similarity=null"],
    ["seed=[1"],
    ["hydra.job.chdir=true", "hydra.jop=1"],
)


@pytest.fixture(scope="module")
def sweep():
    """Hydra's loader, and the config that it composes for a whole sweep."""
    composition.register_search_path()
    with initialize_config_module("pairreg.conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        yield loader, loader.load_configuration("config", ["hydra.job.name=pairreg"], RunMode.MULTIRUN)


def test_every_job_has_the_config_that_hydra_composes_for_it(sweep):
    loader, common = sweep
    composer = Composer(loader, common)
    for job in JOBS:
        found, truth = composer.config(job), loader.load_sweep_config(common, job)
        plain = [OmegaConf.to_container(config) for config in (found, truth)]
        hydra = [config.pop("hydra")["runtime"] for config in plain]
        assert plain[0] == plain[1] and hydra[0] == hydra[1] and OmegaConf.is_struct(found), job


def test_what_jobs_ask_for_is_the_same_in_the_end(sweep):
    loader, common = sweep
    composer = Composer(loader, common)
    for job in JOBS[1:4]:
        found = spec_of(composer.config(job), job)
        assert found == spec_of(loader.load_sweep_config(common, job), job)
        assert len(found.signature) == 8


@pytest.mark.parametrize("job", WRONG, ids=" ".join)
def test_what_hydra_refuses_is_refused_in_its_words(sweep, job):
    loader, common = sweep
    with pytest.raises((HydraException, ValueError)) as truth:
        loader.load_sweep_config(common, job)
    with pytest.raises(type(truth.value)) as found:
        Composer(loader, common).config(job)
    said = [(str(one.value), str(one.value.__cause__)) for one in (found, truth)]
    assert said[0] == said[1]


def test_a_reference_to_a_value_of_a_job_is_to_that_of_the_job(sweep):
    composer = Composer(*sweep)
    names = [spec_of(composer.config(job), job).study for job in JOBS[-2:]]
    assert names == ["seed_7", "seed_8"]
