"""A simulator of batch jobs on continuously batching engines, for judging ETAs. Seeded, standard library only."""
