"""Every Python that this runs with, and every Python that it makes environments for."""
