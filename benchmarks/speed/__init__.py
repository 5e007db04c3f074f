"""How fast: this cache, the bare limits of the machine and two peers, side by side in one run (`make bench`).

`rows` lists what is measured; a module beside it holds each kind of work. A row measures all its sides in every round,
so that what the machine does otherwise meets all of them; rounds of the rows of a stage are interleaved too. Judged
are ratios of figures of one round, never seconds of one run against those of another.
"""
