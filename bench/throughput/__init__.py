"""How many units of work a second Loadstar finishes beside batch/v1 Jobs, in one run on the same simulated nodes."""
