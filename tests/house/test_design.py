"""Every design tag that is cited is defined, once, and no tag is defined twice."""

import re
from collections import Counter

from support.house import committed, text_of

DEFINED = re.compile(r"^`(\.[a-z]+(?:\.[a-z0-9_-]+)+)`: ", re.M)
CITED = re.compile(r"(design/[\w/-]+\.md)(?:#(\.[a-z]+(?:\.[a-z0-9_-]+)+))?")
READ = {".py", ".pxd", ".md", ".toml", ".html", ""}


def documents():
    """The text of each design document: {path: text}."""
    return {str(p): text_of(p) for p in committed() if p.match("design/*.md")}


def test_no_document_defines_a_tag_twice():
    for path, text in documents().items():
        twice = [tag for tag, count in Counter(DEFINED.findall(text)).items() if count > 1]
        assert not twice, f"{path} defines {twice} twice"


def test_every_tag_cited_is_defined():
    defined = {path: set(DEFINED.findall(text)) for path, text in documents().items()}
    dangling = {
        f"{path} cites {document}" + (f"#{tag}" if tag else "")
        for path in committed()
        if path.suffix in READ and "data" not in path.parts
        for document, tag in CITED.findall(text_of(path))
        if document not in defined or (tag and tag not in defined[document])
    }
    assert not dangling


def test_the_map_names_every_document():
    index = documents()["design/index.md"]
    names = {path.removeprefix("design/") for path in documents()} - {"index.md"}
    assert {name for name in names if f"({name})" not in index} == set()


def test_every_document_has_its_sections_in_order():
    order = "Introduction Readership Source Overview Definitions Requirements Interface".split()
    order += ["Limitations", "Design", "Tests", "History"]
    for path, text in documents().items():
        if path != "design/index.md":
            assert re.findall(r"^## (.+)$", text, re.M) == order, path
