"""What is drawn from results and from logs of events, and from nothing else."""
