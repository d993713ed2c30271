"""One's own accounts: key files in ~/.config/cpushare/accounts, by names that stay on this machine.

An account is a key pair and nothing else. Whoever has the file has the coins; without it they are
lost, since nobody else knows whose they are.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from cpushare.market.keys import TEXT_LENGTH, KeyPair
from vm.errors import Refused

SUFFIX = ".key"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def accounts_folder() -> Path:
    """Where the key files are."""
    import platformdirs

    return Path(platformdirs.user_config_dir("cpushare")) / "accounts"


def account_file(name: str) -> Path:
    """The key file of an account. Raises `Refused` for what is no name."""
    if not _NAME.fullmatch(name):
        raise Refused(f"an account's name is letters, digits, - and _, not '{name[:80]}'")
    return accounts_folder() / f"{name}{SUFFIX}"


def account_names() -> list[str]:
    """The names of all accounts on this machine, in order."""
    return sorted(path.stem for path in accounts_folder().glob(f"*{SUFFIX}"))


def new_account(name: str) -> KeyPair:
    """Make an account that nobody has had before. Raises `Refused` if the name is taken."""
    pair = KeyPair.new()
    path = account_file(name)
    try:
        pair.save(path)
    except FileExistsError:
        raise Refused(f"there is an account '{name}' already ({path})") from None
    return pair


def load_account(name: str) -> KeyPair:
    """An account by its name. Raises `Refused`, `BadMessage` for a damaged file, `OSError`."""
    path = account_file(name)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        listed = ", ".join(account_names()) or "none"
        raise Refused(
            f"there is no account '{name}' here (there is: {listed}); 'cpushare account new "
            f"--account {name}' makes it"
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise Refused(f"others may read {path}: chmod 600 {path}")
    return KeyPair.load(path)


def find_account(text: str) -> KeyPair:
    """An account by its name, or by its public key if its key file is here. Raises `Refused`."""
    if len(text) != TEXT_LENGTH:
        return load_account(text)
    for name in account_names():
        pair = load_account(name)
        if pair.name == text:
            return pair
    raise Refused(
        f"the key of account {text[:12]}… is not on this machine, and only it can sign for it: to "
        "earn for somebody else, run the .cpu file that they publish"
    )
