"""Whether the long forms of tests were asked for, where that must be known as their files are read."""

import sys

LONG = "--long" in sys.argv
