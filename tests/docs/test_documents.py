"""Every command of README and of the quick starts runs as written, in a fresh home and an empty folder."""

import pytest

from documents import ROOT, blocks

RUN = ["README.md"]


@pytest.mark.parametrize("document", RUN)
def test_the_commands_of_a_document_run_in_their_order(reader, document):
    reader.read(ROOT / document)
    warnings = [line for line in reader.log.read_text().splitlines() if " WARN " in line and "runs as root" not in line]
    assert warnings == [], "a server that is started as documented has nothing else to warn of"


def test_documents_with_commands_to_run_are_run():
    found = [path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if blocks(path)]
    assert sorted(map(str, found)) == sorted(RUN)
