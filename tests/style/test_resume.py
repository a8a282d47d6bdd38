"""A transfer that was stopped goes on to the same bits."""

import numpy as np
import pytest

from gradlab.errors import StudyError
from gradlab.style import transfer_style

OPTIONS = {"levels": 2, "steps": 40, "content_weight": 1e-3}


@pytest.mark.parametrize(
    ("optimizer", "levels", "stop_at"), [("lbfgs", 1, 2), ("adam", 2, 1), ("adam", 2, 4)]
)
def test_the_same_bits(photo, painting, network, tmp_path, optimizer, levels, stop_at):
    options = {**OPTIONS, "network": network, "optimizer": optimizer, "levels": levels}
    whole = transfer_style(photo, painting, **options)
    path, calls = tmp_path / "picture.png.gradlab-style", 0

    def stop(stand):
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer_style(photo, painting, progress=stop, resume=path, **options)
    assert path.exists()
    resumed = []
    again = transfer_style(
        photo, painting, resume=path, progress=lambda s: resumed.append(s.resumed), **options
    )
    assert all(resumed)
    np.testing.assert_array_equal(again.image, whole.image)
    assert again.history["total"].to_list() == whole.history["total"].to_list()
    assert not path.exists()


def test_another_run_is_not_gone_on_with(photo, painting, network, tmp_path):
    path = tmp_path / "state"

    def stop(stand):
        raise KeyboardInterrupt

    options = {**OPTIONS, "network": network, "optimizer": "adam"}
    with pytest.raises(KeyboardInterrupt):
        transfer_style(photo, painting, progress=stop, resume=path, **options)
    with pytest.raises(StudyError, match=r"of other pictures, settings or network.*Delete"):
        transfer_style(photo[::-1].copy(), painting, resume=path, **options)
    path.write_bytes(b"cut short")
    with pytest.raises(StudyError, match="can't be read"):
        transfer_style(photo, painting, resume=path, **options)
