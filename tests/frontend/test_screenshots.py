"""The documentation's gallery shows the pictures that there are, and they stay small."""

from tests.frontend.gallery import STATES
from tests.frontend.screenshots import ENGLISH, FOLDER, KOREAN, README, file_name, with_gallery

MOST_BYTES = 1_500_000


def test_the_gallery_has_every_picture_and_no_other() -> None:
    text = README.read_text("utf-8")
    files = {file_name(name, korean) for names, korean in ((ENGLISH, False), (KOREAN, True)) for name in names}
    assert {*ENGLISH, *KOREAN} <= {*STATES}
    assert {file.name for file in FOLDER.iterdir()} == files
    assert with_gallery(text) == text


def test_all_pictures_together_are_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < MOST_BYTES
