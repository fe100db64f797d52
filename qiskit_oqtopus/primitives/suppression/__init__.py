"""Error suppression by changing circuits: folding, twirling and dynamical decoupling."""
