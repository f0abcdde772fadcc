import subprocess

from pairreg.runs import provenance


def test_the_commit_is_that_of_the_code_and_not_of_a_repository_around_it(tmp_path, monkeypatch):
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=e")
        done = subprocess.run(
            ["git", "-C", tmp_path, *identity, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    installed = tmp_path / "provenance.py"
    installed.write_text("")
    monkeypatch.setattr(provenance, "__file__", str(installed))
    assert provenance.git_state() == {}
    git("init", "-q")
    (tmp_path / "other").write_text("")
    git("add", "other")
    git("commit", "-qm", "other")
    assert provenance.git_state() == {}
    git("add", "provenance.py")
    git("commit", "-qm", "code")
    assert provenance.git_state() == {"git_commit": git("rev-parse", "HEAD"), "git_dirty": "false"}
    installed.write_text("changed")
    assert provenance.git_state()["git_dirty"] == "true"
