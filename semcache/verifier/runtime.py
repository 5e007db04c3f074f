"""A prepared verifier in memory: pairs of tokenised prompts to logits. Needs openvino and tokenizers, never torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from semcache.engines import package
from semcache.engines.compiled import Compiler
from semcache.errors import VerifierUnavailable
from semcache.verifier import packaged, packing
from semcache.verifier.inputs import UNKNOWN, PairInput

WIDTHS: Final = (32, 64, 96, 128, 160, 192)
"""Rows that have a model compiled for them, up to the longest run of several pairs. Of a fixed shape it takes 1 to 2 ms
less than the model of any shape, and 26 MB; against three widths up to 112, four pairs of everyday questions take 4.6
ms at p50 and 11 at p99 instead of 5.7 and 20."""


class Runtime:
    """Belongs to one thread."""

    def __init__(
        self,
        folder: Path,
        *,
        form: packaged.Form,
        precision: package.Precision,
        threads: int,
        widths: Sequence[int] = WIDTHS,
        files: Mapping[str, str] | None = None,
    ) -> None:
        """`widths`: ascending; `files`: see `Compiler`. Raises VerifierUnavailable where the model cannot be loaded."""
        openvino = package.runtime()
        self._widths = widths
        try:
            self._tokenizer = package.tokenizer(folder / "tokenizer.json")
            compiler, config = Compiler(folder, files=files), packaged.runtime_config(form, precision, threads)

            def compiled(width: int) -> tuple[Any, packing.Packed]:
                arrays = packing.empty(width)
                shapes = {name: array.shape for name, array in arrays._asdict().items()}
                request = compiler.compile(config, shapes).create_infer_request()
                for name, array in arrays._asdict().items():
                    request.set_tensor(name, openvino.Tensor(array, shared_memory=True))
                return request, arrays

            # Compiling a model keeps one core busy, a fifth of a second each, and a cold start waits for all of them.
            with ThreadPoolExecutor(max(1, threads)) as pool:
                of_any_width = pool.submit(compiler.compile, config)
                self._fixed = dict(zip(widths, pool.map(compiled, widths), strict=True))
            self._any = of_any_width.result().create_infer_request()
            compiler.release()
            warm = PairInput([101, 7592, 102, 7592, 102], [0, 0, 0, 2, 2])
            for width in (*widths, max(widths, default=0) + packing.STEP):
                self._run([warm], width)
        except Exception as error:  # the two libraries raise bare RuntimeError and Exception
            raise VerifierUnavailable(f"the verifier in {folder} cannot be loaded: {error}") from error

    def tokens(self, text: str) -> list[int]:
        """Token ids of the whole text, without the special ones."""
        ids: list[int] = self._tokenizer.encode(package.printable(text), add_special_tokens=False).ids
        return ids

    def unread(self, text: str) -> list[str]:
        """The pieces of a text that have no token of their own, in their order."""
        shown = package.printable(text)
        found = self._tokenizer.encode(shown, add_special_tokens=False)
        return [shown[start:end] for one, (start, end) in zip(found.ids, found.offsets, strict=True) if one == UNKNOWN]

    def logits(self, inputs: Sequence[PairInput]) -> NDArray[np.float32]:
        """float32 (inputs,)."""
        found = np.empty(len(inputs), np.float32)
        for chosen in packing.runs([len(one.ids) for one in inputs]):
            together = [inputs[at] for at in chosen]
            width = packing.width_of(sum(len(one.ids) for one in together), self._widths)
            found[chosen] = self._run(together, width)
        return found

    def _run(self, inputs: Sequence[PairInput], width: int) -> NDArray[np.float32]:
        """The output is the request's own: copied from before the next run."""
        fixed = self._fixed.get(width)
        if fixed is not None:
            request, arrays = fixed
            packing.fill(arrays, inputs)
            request.infer()
        else:
            request = self._any
            request.infer(packing.pack(inputs, width)._asdict())
        logits: NDArray[np.float32] = request.get_output_tensor(0).data[: len(inputs)]
        return logits
