"""The interpreters: evaluate, jvp, linearise and transpose, batch, simplify, lower. Program in, program out.

They ask each op for its rule and name none: `ops` is below, and `control`, whose ops have programs and call
transformations, above. `pairs` is what derivatives, Taylor mode and batching share.
"""
