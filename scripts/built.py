"""Say which parts of the native code are built here: where a build fails, the package installs without."""

from __future__ import annotations

from importlib.util import find_spec

MODULES = {
    "recurra.engines.native._engine": "native engine",
    "recurra.vectors._vectors": "word-vector trainer",
}


def main() -> None:
    for module, what in MODULES.items():
        built = find_spec(module) is not None
        print(f"{what}: {'built' if built else 'NOT built (it needs a C++ compiler)'}")


if __name__ == "__main__":
    main()
