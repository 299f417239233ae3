from __future__ import annotations

import pytest

from duplex.models.transformers_library import check_transformers
from duplex.streaming.errors import ModelError


def test_an_old_library_is_refused_with_what_to_do(monkeypatch):
    transformers = pytest.importorskip("transformers")
    check_transformers()
    monkeypatch.setattr(transformers, "__version__", "4.50.3")
    with pytest.raises(ModelError, match=r"transformers 4\.50\.3 is too old, 5\.0 or later .* pip install -U"):
        check_transformers()
