"""The process that trains: reads a run's folder, journals how it goes, leaves an adapter there."""
