"""The seeder, and virtualenv's configuration file."""
