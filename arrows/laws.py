"""The laws of arrows, as values: what may be written for what without anybody telling the difference.

Two machines are equal here when they answer alike: the same outputs and errors for the same inputs, from the
first state on, also behind an error. Where their states lie is no matter; that is what lets a stage be pulled
out of a loop.

The laws of `first` and of choice are those of the arrow books (Hughes, "Generalising monads to arrows", 2000;
Paterson, "A new notation for arrows", 2001). The loop here is delayed: what is fed back comes with the next
input. So of Paterson's laws `sliding` holds where the first value is carried along, and `extension` does not; the
laws of the delay are those of causal commutative arrows (Liu, Cheng and Hudak, 2011).

A law that is `total` is claimed for arrows that never raise, and that neither emit nor perform: interchange steps
the four arrows in another order, and an error or an emit tells of it.
"""

from __future__ import annotations

from arrows import plumbing_laws, state_laws
from arrows.law import LAWS, Law

__all__ = ["LAWS", "Law", "plumbing_laws", "state_laws"]
