"""How anything is computed on a stream: the stage contract, the sample clock, queues, the inference pool.

Knows no model and no product; everything above imports it.
"""
