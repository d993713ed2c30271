"""cpsc completion: what makes a shell complete verbs, files, options and parameters."""

from __future__ import annotations

import click

from cpushare.cpsc import output

SHELLS = ("bash", "zsh", "fish")


@click.command(
    help="""Print what makes a shell complete cpsc: verbs, files, options, a kernel's parameters.

    \b
    bash  echo 'eval "$(cpsc completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(cpsc completion zsh)"' >> ~/.zshrc
    fish  cpsc completion fish > ~/.config/fish/completions/cpsc.fish
    """
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script; the shell asks `cpsc` itself whenever it completes."""
    from click.shell_completion import get_completion_class

    from cpushare.cpsc.main import cpsc

    found = get_completion_class(shell)
    assert found is not None
    output.result(found(cpsc, {}, "cpsc", "_CPSC_COMPLETE").source().rstrip())
