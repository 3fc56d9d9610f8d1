"""Build hooks: metadata that depends on the repository's address, and the software bill of materials of the wheel."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface
from packaging.requirements import Requirement

_RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?![a-z]+:|#)([^)]+)\)")


class RepositoryMetadata(MetadataHookInterface):
    """Fills in `readme`, `urls` and `authors` from `[tool.hatch.metadata.hooks.custom]` in pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        repository, tag = self.config["repository"].rstrip("/"), f"v{metadata['version']}"
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        # A package index shows the README alone: its links to files of the repository must be absolute.
        target = rf"[\1]({repository}/blob/{tag}/\2)" if repository else r"\1"
        metadata["readme"] = {"content-type": "text/markdown", "text": _RELATIVE_LINK.sub(target, text)}
        metadata["authors"] = self.config["authors"]
        metadata["urls"] = {}
        if repository:
            metadata["urls"] = {
                "Repository": repository,
                "Issues": f"{repository}/issues",
                "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
            }


class BillOfMaterials(BuildHookInterface[Any]):
    """Adds a CycloneDX document to the wheel (PEP 770): this package and the packages that it requires."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name, f"{self.metadata.name}.cdx.json")
        path.write_text(json.dumps(self._document(), indent=2) + "\n", encoding="utf-8")
        build_data["sbom_files"].append(str(path))

    def finalize(self, *_: Any) -> None:
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    def _document(self) -> dict[str, Any]:
        core = self.metadata.core
        own = f"pkg:pypi/{core.name}@{core.version}"
        required = [_component(line, "required") for line in core.dependencies]
        extras = [_component(line, "optional") for lines in core.optional_dependencies.values() for line in lines]
        parts = {part["bom-ref"]: part for part in extras + required}  # what is required is not optional too
        return {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "component": {
                    "type": "library",
                    "bom-ref": own,
                    "name": core.name,
                    "version": core.version,
                    "purl": own,
                    "licenses": [{"license": {"id": core.license_expression}}],
                }
            },
            "components": [parts[ref] for ref in sorted(parts)],
            "dependencies": [{"ref": own, "dependsOn": sorted(parts)}],
        }


def _component(line: str, scope: str) -> dict[str, Any]:
    requirement = Requirement(line)
    purl = f"pkg:pypi/{requirement.name.lower()}"
    versions = [{"name": "versions", "value": str(requirement.specifier)}]
    return {"type": "library", "bom-ref": purl, "name": requirement.name, "scope": scope, "purl": purl} | {
        "properties": versions
    }
