"""What uv, git and build backends say before they fail, and what is made of it."""

from __future__ import annotations

import textwrap

import pytest

from dagstead.build.uv_failures import advice, own_package_advice

GIT = """
error: Failed to download and build `winch @ git+{url}`
  cause: Git operation failed
  cause: failed to clone into: /cache/uv/git-v2/db/7f49ce60f69c4744
  cause: process didn't exit successfully: `/usr/bin/git fetch --force '{url}'` (exit status: 128)
         --- stderr
         {words}
         fatal: Could not read from remote repository.

         Please make sure you have the correct access rights
         and the repository exists.
"""
BACKEND = """
         [stdout]
         running egg_info

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
         RuntimeError: no rope to be found.

hint: Build failures usually indicate a problem with the package or the build environment
"""
SETUPTOOLS = """
Building wheel...
error: Multiple top-level packages discovered: ['a', 'b'].

To find more information, look elsewhere.
error: Failed to build `/code`
  cause: The build backend returned an error
  cause: Call to `x` failed
"""


def lines(text: str) -> list[str]:
    return textwrap.dedent(text).strip("\n").splitlines()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("error: Failed to build `pandas==0.25.3`", "pandas 0.25.3 has no wheel that fits"),
        (
            "Because tensorflow==1.15.0 has no wheels with a matching Python ABI tag",
            "There is no wheel of tensorflow 1.15.0 for this Python",
        ),
        ("error: HTTP status client error (401 Unauthorized)", "UV_INDEX_<NAME>_PASSWORD"),
        ("error: Failed to fetch: `https://example.com/simple/x/`", "cannot be reached from here"),
        (
            "error: Failed to fetch: x\n  cause: HTTP status client error (403 Forbidden) for url",
            "The package index wants a name and password",
        ),
        ("", "uv says nothing"),
        ("error: something else", "uv says: something else. Change that, and try again."),
        (
            "error: No solution found\n  cause: Because winch was not found, it cannot be had.",
            "uv says: Because winch was not found, it cannot be had. Change that",
        ),
        (
            "error: Unsupported editable requirement: `x`\n  cause: Git sources cannot be editable",
            "Write 'NAME @ git+URL' instead",
        ),
    ],
)
def test_what_uv_says_is_reported_with_what_helps(text: str, said: str) -> None:
    assert said in advice(text.splitlines())


@pytest.mark.parametrize(
    ("url", "words", "said"),
    [
        (
            "ssh://git@git.example.com/acme/winch.git",
            "git@git.example.com: Permission denied (publickey).",
            "winch from git.example.com: git@git.example.com: Permission denied (publickey). Give",
        ),
        (
            "https://git.example.com/acme/winch.git",
            "fatal: could not read Username for 'https://git.example.com': terminal prompts off",
            "could not read Username for 'https://git.example.com': terminal prompts off. Give",
        ),
        (
            "https://me:s3cret@git.example.com/acme/winch",
            "remote: Repository not found.",
            "git cannot fetch winch from git.example.com: remote: Repository not found. Give",
        ),
        (
            "ssh://git@git.example.com/acme/winch.git",
            "ssh: Could not resolve hostname git.example.com: Name or service not known",
            "Can this machine reach git.example.com",
        ),
        (
            "https://git.example.com/acme/winch.git@v9",
            "fatal: couldn't find remote ref refs/heads/v9",
            "Is its branch, tag or commit right?",
        ),
    ],
)
def test_git_speaks_for_itself(url: str, words: str, said: str) -> None:
    found = advice(lines(GIT.format(url=url, words=words)))

    assert said in found
    assert "index" not in found
    assert "s3cret" not in found


def test_words_that_a_program_passes_on_are_no_cause() -> None:
    """A build that could reach nothing has no index to be told about."""
    text = (
        "error: Failed to build `rope==2.1`\n  cause: The build backend returned an error\n"
        "  cause: Call to `build_wheel` failed (exit status: 1)\n\n         [stderr]\n"
        "         connection refused\n         RuntimeError: no rope to be found.\n"
    )

    found = advice(text.splitlines())

    assert found.startswith("rope 2.1 has no wheel that fits")
    assert found.endswith("Its build says: RuntimeError: no rope to be found.")


@pytest.mark.parametrize(
    "head",
    [
        "error: Failed to build `winch @ file:///code/winch`\n  cause: The build backend returned",
        "error: Failed to build `/code/winch`\n  cause: The build backend returned an error",
        "error: The build backend returned an error\n  cause: Call to `build_wheel` failed",
    ],
)
def test_a_package_of_the_repository_gets_no_advice_about_versions(head: str) -> None:
    found = advice((head + BACKEND).splitlines())

    assert found.startswith("A package of the repository cannot be built. Its build backend says: ")
    assert found.endswith(": RuntimeError: no rope to be found.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            SETUPTOOLS,
            "Its build backend says: Multiple top-level packages discovered: ['a', 'b'].",
        ),
        (
            "error: Failed to build `/code`\n  cause: Expected a Python module at: src/x.py",
            "uv says: Expected a Python module at: src/x.py.",
        ),
        (
            "error: Failed to build `/code`\n  cause: Failed to fetch: `https://example.com/x/`\n",
            "The package index cannot be reached",
        ),
    ],
)
def test_a_build_backend_speaks_for_itself(text: str, said: str) -> None:
    assert said in own_package_advice(text.splitlines())
