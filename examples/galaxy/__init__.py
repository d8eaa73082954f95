"""A spiral galaxy of stars under its own gravity: `python -m examples.galaxy --help`.

    model     what the galaxy is: places, masses, and velocities in equilibrium with them
    gravity   the field of N softened bodies, exact, in O(N^2) time and O(N) memory
    dynamics  the leapfrog, the conserved quantities, and the gradient of an observable
    journey   a run: blocks of steps, the record, checkpoints that resume bit for bit
    pictures  before, after, drift, and the animation

Units everywhere: kiloparsec, solar mass, million years (Myr). 1 kpc/Myr is 977.8 km/s.
"""
