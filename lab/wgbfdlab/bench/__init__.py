"""lab/bench: wgbfd, bfdd and BIRD on one topology, in turns; what each costs and what each holds."""
