from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from bci_app.errors import DatasetError
from offline.datasets.files import natural, require_finite, require_shape
from offline.datasets.mat import mat_names, read_mat
from offline.datasets.seed import Seed


def test_numbers_in_names_are_compared_as_numbers() -> None:
    names = ["10_a", "1_b", "9_a", "s10", "S2", "s1x", "s1", "1_a"]
    assert sorted(names, key=natural) == ["1_a", "1_b", "9_a", "10_a", "s1", "s1x", "S2", "s10"]


@given(st.lists(st.text(max_size=6), max_size=8))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    keys = [natural(name) for name in sorted(names, key=natural)]
    assert keys == sorted(keys)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_found_and_named(value: float) -> None:
    data = np.ones((10, 3))
    require_finite(data, "here")
    data[7, 2] = value
    data[8, 0] = -value
    with pytest.raises(DatasetError, match=r"here holds values that are not numbers: found 2 .* first at index 7"):
        require_finite(data, "here")


def test_huge_but_finite_values_pass() -> None:
    require_finite(np.full((4, 2), 1e308), "here")


def test_empty_data_and_other_shapes_are_refused() -> None:
    with pytest.raises(DatasetError, match="here is empty"):
        require_finite(np.empty((0, 3)), "here")
    require_shape((5, 2), (None, 2), "here")
    for shape in ((0, 2), (5, 3), (5,), (5, 2, 1)):
        with pytest.raises(DatasetError, match=r"here is not shaped as documented: found shape .* expected \(any, 2\)"):
            require_shape(shape, (None, 2), "here")


@settings(max_examples=300, deadline=None)
@given(data=st.data(), compressed=st.booleans())
def test_mutated_mat_files_give_data_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, compressed: bool
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"mat-{compressed}"
    path = folder / "1_20131027.mat"
    if not folder.exists():
        folder.mkdir()
        clips = {f"ww_eeg{i}": np.ones((62, 3)) for i in (1, 2)}
        savemat(folder / "whole", clips, appendmat=False, do_compression=compressed)
        savemat(folder / "label.mat", {"label": np.array([[1, -1]])})
    content = bytearray((folder / "whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        for trial in Seed(folder).trials("1"):
            assert trial.data.shape[1] == 62
    except DatasetError:
        pass


def test_a_file_of_another_kind_is_no_mat_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    for content in (b"", b"text", b"\x89HDF\r\n\x1a\n" + bytes(600), bytes(1000)):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=r"Cannot read a\.mat"):
            mat_names(path, expected="a file")
        with pytest.raises(DatasetError, match=r"Cannot read a\.mat"):
            read_mat(path, ["x"], expected="a file")
