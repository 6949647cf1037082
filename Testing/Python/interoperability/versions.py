"""Which version of a library a statement of docs/interoperability.md was seen with."""

from importlib.metadata import PackageNotFoundError, version

import pytest


def seen_with(**versions: str) -> pytest.MarkDecorator:
    """Run a test only with a version that starts as the stated one: others may have mended what it states.

    Underscores in names stand for hyphens; ``SimpleITK="2.5."`` means every 2.5.
    """
    reasons = []
    for name, stated in versions.items():
        package = name.replace("_", "-")
        try:
            found = version(package)
        except PackageNotFoundError:
            reasons.append(f"{package} is not installed")
            continue
        if not found.startswith(stated):
            reasons.append(f"stated of {package} {stated}, {found} is installed")
    return pytest.mark.skipif(bool(reasons), reason="; ".join(reasons))
